"""What a person does on the pages of the web UI."""

import re
from collections.abc import Sequence

from playwright.sync_api import Locator, Page, expect

JOBS = "/locations/parlance/jobs"
MARKDOWN = "[Show Markdown]"
# Whether a picture has been decoded, and how wide it is of itself.
WIDTH = "picture => picture.decode().then(() => picture.naturalWidth)"


def no_error_is_shown(page: Page) -> None:
    expect(page.get_by_text(re.compile("error|failed to load|something went wrong", re.IGNORECASE))).to_have_count(0)


def group_nodes(page: Page) -> Locator:
    """The collapsed groups of the asset graph."""
    return page.locator("foreignObject.group")


def node(page: Page, name: str) -> Locator:
    """A group or an asset in the graph."""
    return page.locator("svg foreignObject").get_by_text(name, exact=True)


def unfold(page: Page, group: str) -> None:
    node(page, group).click()
    expect(page).to_have_url(re.compile(f"expanded=.*{group}"))


def zoom_out_to(page: Page, names: Sequence[str]) -> None:
    """The graph draws nothing of what is out of sight: makes it smaller until all of them are in it."""
    for _ in range(20):
        if all(node(page, name).count() for name in names):
            break
        page.get_by_role("button", name="zoom_out").click()
    for name in names:
        expect(node(page, name)).to_be_visible()


def write_config(page: Page, text: str) -> None:
    """Puts the text in the place of what the launchpad's editor holds, as if it were pasted."""
    editor = page.locator(".CodeMirror")
    editor.click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.insert_text(text)
    expect(editor.get_by_text(text.splitlines()[0]).first).to_be_visible()


def launch(page: Page) -> str:
    """Presses the launch button of the launchpad, which leads to the run; gives the run's id."""
    expect(page.get_by_text("No errors")).to_be_visible()
    page.get_by_role("button", name="Launch Run").click()
    page.wait_for_url(re.compile("/runs/[0-9a-f-]{36}"))
    return re.findall("/runs/([0-9a-f-]{36})", page.url)[0]


def run_succeeds(page: Page, job: str, run_id: str, *, limit_s: float) -> None:
    """Waits until the only run of a job has ended; that must be well.

    It waits before the list of runs: the page of a run draws its chart anew with every frame, which takes half a core.
    """
    ended = page.get_by_text(re.compile("^(Success|Failure|Canceled)$")).first
    page.goto(f"{JOBS}/{job}/runs")
    expect(ended).to_be_visible(timeout=limit_s * 1000)
    page.get_by_role("link", name=run_id[:8]).first.click()
    page.wait_for_url(re.compile(f"/runs/{run_id}"))
    expect(ended).to_have_text("Success")


def launch_backfill(page: Page, partitions: str) -> None:
    """Chooses partitions in the dialog behind `Materialize all`, and launches; leads to the backfill."""
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    field = dialog.get_by_role("textbox").first
    field.fill(partitions)
    field.press("Enter")
    field.blur()
    dialog.get_by_role("button", name="Launch backfill").click()
    page.get_by_text("Created backfill").locator("xpath=ancestor::li").get_by_text("View", exact=True).click()
    page.wait_for_url(re.compile("/runs/b/"))


def backfill_completes(page: Page, *, limit_s: float) -> None:
    """Waits until the page of a backfill says how it ended; that must be well."""
    ended = page.get_by_text(re.compile("^(Succeeded|Completed|Failed|Canceled)$"))
    status = page.get_by_text("Status", exact=True).locator("xpath=..").and_(page.locator("*", has=ended))
    expect(status.first).to_be_visible(timeout=limit_s * 1000)
    expect(status.first).to_contain_text("Succeeded")
    expect(page.get_by_text("100% completed")).to_be_visible()


def pictures(page: Page) -> dict[str, Sequence[int]]:
    """Opens every Markdown of an asset's page: the widths of its pictures, by its title."""
    found = {}
    links = page.get_by_text(MARKDOWN, exact=True)
    expect(links.first).to_be_visible()
    for number in range(links.count()):
        links.nth(number).click()
        dialog = page.get_by_role("dialog")
        title = dialog.locator("[class*=dialogHeaderText]").inner_text()
        expect(dialog.locator("img, table").first).to_be_visible()  # Markdown is loaded when it is first shown
        found[title] = [image.evaluate(WIDTH) for image in dialog.locator("img").all()]
        dialog.get_by_role("button", name="Close").click()
        expect(dialog).to_have_count(0)
    return found


def rows_of_metadata(page: Page) -> list[int]:
    """Rows of each table that is a value in the metadata of an asset's page."""
    return [table.locator("tbody tr").count() for table in page.locator("td table").all()]

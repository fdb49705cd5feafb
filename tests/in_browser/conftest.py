"""A browser before the web UI of a copy of the sample's workspace; a test that fails leaves a picture of the page."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.in_browser.web_ui import WebUI, copied, web_ui
from tests.orchestration.conftest import Workspace

PICTURE = pytest.StashKey[Path]()
NAMES = ("chromium", "chromium-browser", "google-chrome")
# People wait less, but machines that test are busy.
ACTION_MS = 120_000


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Iterator[None]:
    """Says in the message of a test that fails where the picture is."""
    try:
        return (yield)
    except Exception as error:
        page = item.funcargs["page"]
        page.screenshot(path=item.stash[PICTURE])
        error.add_note(f"What {page.url} showed: {item.stash[PICTURE]}")
        raise


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(NAMES)} is here: install the package chromium of your distribution")
    return found


@pytest.fixture(scope="module")
def ui(chromium: str, sample: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebUI]:
    folder = tmp_path_factory.mktemp("web_ui")
    with web_ui(copied(sample, folder), folder / "ui.log") as started:
        yield started


@pytest.fixture(scope="module")
def browser(chromium: str, ui: WebUI) -> Iterator[Browser]:
    """Ends with the module, since an event loop of Playwright's runs in this thread as long as it lives."""
    expect.set_options(timeout=ACTION_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, ui: WebUI, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of a new visitor; nothing that it asked the server for failed, and no script."""
    request.node.stash[PICTURE] = tmp_path / "page.png"
    page = browser.new_page(base_url=ui.url, viewport={"width": 1900, "height": 1400})
    page.set_default_timeout(ACTION_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("response", lambda answer: errors.append(f"{answer.status} {answer.url}") if not answer.ok else None)
    yield page
    page.close()
    assert errors == []

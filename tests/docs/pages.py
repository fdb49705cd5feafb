"""The pages of the documentation as tests see them: blocks of commands and code, links, and words in backticks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"
INDEX = ROOT / "docs" / "README.md"
TUTORIAL = ROOT / "docs" / "tutorial.md"
# What annotators and developers look things up in; they lead nowhere else.
REFERENCE = (ROOT / "docs" / "annotation_guide.md", ROOT / "docs" / "design.md")
_BLOCK = re.compile(r"^```(\w*)[ \t]*([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_NOTE = re.compile(r"(skip|file): (\S.*)")


@dataclass(frozen=True, kw_only=True)
class Block:
    """What stands between two fences. `note` is what the first fence says behind the language."""

    page: Path
    line: int
    language: str
    note: str
    code: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def skipped(self) -> str | None:
        """Why the block cannot run in a test; null where it can."""
        return self._said("skip")

    @property
    def file(self) -> str | None:
        """The file that the block is; null where it is none."""
        return self._said("file")

    @property
    def commands(self) -> list[str]:
        """The commands of a block in `sh`, one a line; lines that go on are joined."""
        lines = self.code.replace("\\\n", " ").splitlines()
        return [re.sub(r"\s+", " ", line).strip() for line in lines if line.strip() and not line.startswith("#")]

    def _said(self, what: str) -> str | None:
        found = _NOTE.fullmatch(self.note)
        return found[2] if found is not None and found[1] == what else None


def pages() -> list[Path]:
    """The README and every page below docs/: the tutorial first, since the other pages use what it makes."""
    found = sorted((ROOT / "docs").rglob("*.md"))
    return [TUTORIAL, README, *(page for page in found if page != TUTORIAL)]


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> list[Block]:
    text = text_of(page)
    return [
        Block(
            page=page,
            line=text.count("\n", 0, found.start()) + 1,
            language=found[1],
            note=found[2].strip(),
            code=found[3],
        )
        for found in _BLOCK.finditer(text)
    ]


def every_block() -> list[Block]:
    return [block for page in pages() for block in blocks(page)]


def prose(page: Path) -> str:
    """The page without its blocks."""
    return _BLOCK.sub("", text_of(page))


def links(page: Path) -> list[str]:
    """Targets of the page's links that are no addresses of the web."""
    return [target for target in _LINK.findall(prose(page)) if not re.match(r"[a-z]+:", target)]


def words(page: Path) -> list[str]:
    """What stands in backticks in the prose."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", prose(page))


def anchors(page: Path) -> set[str]:
    """What a link can point to within the page: its headings as GitHub names them."""
    return {_slug(heading) for heading in re.findall(r"^#+ +(.+)$", prose(page), re.MULTILINE)}


def commands() -> Iterator[tuple[Block, str]]:
    """Every command of a block in `sh`, run or not."""
    for block in every_block():
        if block.language == "sh":
            yield from ((block, command) for command in block.commands)


def files() -> dict[str, Block]:
    """The files that blocks are, by their paths."""
    return {block.file: block for block in every_block() if block.file is not None}


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")

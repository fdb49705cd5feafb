"""MediaWiki markup to readable text, in time linear in its length.

One pass over the marks (`{{`, `[[`, `{|`, tags), a stack for what is open; nothing is expanded. A parser that goes back
where a mark has no end takes quadratic time: mwparserfromhell 0.7.2 needs 5 s for 20 KB of `{{a|` and 18 s for 80 KB of
`<b>`, and one page may have 2 MB.

Left out: templates but for those that only dress words, tables, references, files, categories, links to other
languages, galleries, comments, magic words, sections without text. Kept: headings as `## Title`, list items as
`- item`, the words of links, verbatim code and formulas as they are. What has no end is text without its mark.
"""

import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# MediaWiki's English names; every wiki knows them beside its own, which its dump states.
NAMESPACES = frozenset({"file", "image", "media", "category"})
DEPTH = 40

Kind = Literal["page", "template", "link", "table"]

# Only bounded pieces and runs that stop where the next mark may start: so the search is linear.
MARKS = re.compile(
    r"(?P<comment><!--)|(?P<tag></?(?P<name>[a-zA-Z][a-zA-Z0-9]*)(?P<rest>[^<>]*)>)"
    r"|(?P<open>\{{2,})|(?P<close>\}{2,})|(?P<link>\[\[)|(?P<unlink>\]\](?!\](?:[^\]]|\Z)))"
    r"|(?P<table>(?<=\n)[ \t:*#]{0,9}\{\|)|(?P<untable>(?<=\n)[ \t]{0,9}\|\}(?!\}))"
    r"|(?P<bar>\|)|(?P<break>\n(?=\n|==))"
)
COMMENT_END = re.compile("-->")

# The content of these is no text, or no text that stands in a sentence.
DROPPED = _names(
    "ref references gallery timeline score imagemap templatedata graph mapframe maplink hiero style templatestyles"
    " includeonly indicator inputbox categorytree section"
)
FORMULAS = _names("math chem ce")
VERBATIM = FORMULAS | _names("nowiki pre syntaxhighlight source")
BLOCKS = _names("br p div li ul ol dl dd dt hr blockquote poem center tr td th h1 h2 h3 h4 h5 h6")
INLINE = _names(
    "b i u s em strong small big sub sup span font tt code kbd var samp abbr cite del ins strike q dfn mark bdi bdo"
    " ruby rt rp rb noinclude onlyinclude wbr data time a caption thead tbody col colgroup"
)

# Templates that dress their words: which of the unnamed arguments they show.
FIRST = _names(
    "nowrap nobr small big smaller larger em strong abbr tooltip math mvar sub sup quote cquote blockquote bquote"
    " italics bold u ill sic linktext char vanchor nq"
)
LAST = _names("lang transl transliteration script nihongo2 color font colour")
FIXED = {
    "ndash": "–",
    "mdash": "—",
    "snd": " – ",
    "spaced ndash": " – ",
    "spnd": " – ",
    "emdash": "—",
    "endash": "–",
    "nbsp": " ",
    "!": "|",
    "=": "=",
    "'": "'",
    "'s": "'s",
    "*": " • ",
    "·": " · ",
    "dot": " · ",
    "degree": "°",
}

# What verbatim text has that later steps would take for marks stands as noncharacters meanwhile.
PROTECTED = "[]{}<>|'=*#:;_&! \t\n"
HIDE = {ord(mark): 0xFDD0 + index for index, mark in enumerate(PROTECTED)}
SHOW = {hidden: mark for mark, hidden in HIDE.items()}
NONCHARACTERS = re.compile("[\ufdd0-\ufdef]")

BRACES = re.compile(r"\{(?=\{)")
EXTERNAL = re.compile(r"\[(?:https?:|ftp:|mailto:|news:|irc:)?//[^\s\[\]]*(?:[ \t]([^\[\]\n]*))?\]")
LANGUAGE = re.compile(r"(?:[a-z]{2,3}|simple|be-x-old|be-tarask|[a-z]{2,3}-[a-z]{3,8}|zh-[a-z]{3}(?:-[a-z]{3})?)\Z")
QUOTES = re.compile("'{2,}")
MAGIC = re.compile(r"__([^\W\d_]{3,40})__")
PAIRS = re.compile(r"([\[\]{}])\1+")  # what two lone brackets make once the mark between them is gone
HOLLOW = re.compile(r"\([\s,;:–-]{0,20}\)")
LEADING = re.compile(r"\([,;:\s]{1,20}(?=\w)")
SPACES = re.compile(r"[ \t\u00a0]{2,}|[\t\u00a0]")
BEFORE = re.compile(r" (?=[,.;:!?)](?:\s|$))", re.MULTILINE)
HEADING = re.compile(r"#{1,6} ")


@dataclass(slots=True)
class Frame:
    """What is open: its pieces so far, None where a bar parts them."""

    kind: Kind
    pieces: list[str | None] = field(default_factory=list)

    def parts(self) -> list[str]:
        """The texts between the bars."""
        found: list[list[str]] = [[]]
        for piece in self.pieces:
            if piece is None:
                found.append([])
            else:
                found[-1].append(piece)
        return ["".join(part) for part in found]

    def flat(self) -> str:
        """The text with its bars, as if nothing had been opened."""
        return "".join("|" if piece is None else piece for piece in self.pieces)


def plain(markup: str, *, hidden: frozenset[str] = NAMESPACES) -> str:
    """The text of `markup`; `hidden` are the lower-case names of the namespaces whose links show no words.

    >>> plain("'''Leave''' is [[time|paid]].<ref>{{cite|x}}</ref>\\n\\n== Days ==\\n* five\\n[[File:a.png|thumb]]")
    'Leave is paid.\\n\\n## Days\\n- five'
    """
    text = _Reader("\n" + NONCHARACTERS.sub("\ufffd", markup.replace("\r\n", "\n")), hidden).read()
    text = html.unescape(EXTERNAL.sub(lambda match: match[1] or "", text))
    text = MAGIC.sub(lambda match: "" if match[1].isupper() else match[0], text)
    text = LEADING.sub("(", HOLLOW.sub("", text))
    text = PAIRS.sub(r"\1", text)
    lines = [line for line in map(_line, text.split("\n")) if line is not None]
    return "\n".join(_without_empty_sections(lines)).translate(SHOW).strip()


class _Reader:
    def __init__(self, markup: str, hidden: frozenset[str]) -> None:
        self._markup = markup
        self._hidden = hidden
        self._stack = [Frame("page")]
        self._open: Counter[Kind] = Counter()
        self._endless: set[str] = set()

    def read(self) -> str:
        at = 0
        while mark := MARKS.search(self._markup, at):
            self._add(self._markup[at : mark.start()])
            at = self._take(mark)
        self._add(self._markup[at:])
        self._flatten(len(self._stack) - 1)
        return self._stack[0].flat()

    def _take(self, mark: re.Match[str]) -> int:
        """Do what `mark` says, and give the place where the search goes on."""
        match mark.lastgroup:
            case "comment":
                return self._after("<!--", COMMENT_END, mark.end())
            case "open":
                for _ in range(min(len(mark[0]) // 2, DEPTH)):
                    self._push("template")
            case "close":
                for _ in range(min(len(mark[0]) // 2, DEPTH)):
                    self._pop("template")
            case "link":
                self._push("link")
            case "unlink":
                self._pop("link")
            case "table":
                self._push("table")
            case "untable":
                self._pop("table")
            case "bar":
                self._stack[-1].pieces.append(None)
            case "break":
                self._end_links()
                self._add("\n")
            case _:
                return self._tag(mark)
        return mark.end()

    def _tag(self, mark: re.Match[str]) -> int:
        name, is_end = mark["name"].lower(), mark[0].startswith("</")
        if name == "table":
            if is_end:
                self._pop("table")
            else:
                self._push("table")
        elif name in DROPPED | VERBATIM:
            if not is_end and not mark["rest"].endswith("/"):
                return self._whole(name, mark.end())
        elif name in BLOCKS:
            self._add("\n")
        elif name not in INLINE:
            self._add(mark[0])
        return mark.end()

    def _whole(self, name: str, start: int) -> int:
        """Take the element `name` whose content begins at `start`; where it has no end, its tag alone."""
        end = self._after(name, re.compile(rf"</{name}\s{{0,9}}>", re.IGNORECASE), start)
        if end == start:
            return start
        content = self._markup[start : self._markup.rfind("</", start, end)]
        if name in VERBATIM:
            self._add(_verbatim(name, content).translate(HIDE))
        elif name == "ref" and "\n==" in content:
            return start  # its own end is missing: what was found ends a reference in another section
        return end

    def _after(self, name: str, pattern: re.Pattern[str], start: int) -> int:
        """Where the next `pattern` ends, else `start`; what is not found once is not looked for again."""
        found = None if name in self._endless else pattern.search(self._markup, start)
        if found is None:
            self._endless.add(name)
            return start
        return found.end()

    def _add(self, text: str) -> None:
        if text:
            self._stack[-1].pieces.append(text)

    def _push(self, kind: Kind) -> None:
        if len(self._stack) <= DEPTH:
            self._stack.append(Frame(kind))
            self._open[kind] += 1

    def _pop(self, kind: Kind) -> None:
        """Close the innermost open `kind`; what was opened in it and not closed is its text."""
        if not self._open[kind]:
            return
        above = next(depth for depth, frame in enumerate(reversed(self._stack)) if frame.kind == kind)
        self._flatten(above)
        frame = self._stack.pop()
        self._open[kind] -= 1
        if kind == "link":
            self._add(_link(frame.parts(), self._hidden))
        elif kind == "template":
            self._add(_template(frame))

    def _flatten(self, count: int) -> None:
        for _ in range(count):
            frame = self._stack.pop()
            self._open[frame.kind] -= 1
            self._add(frame.flat())

    def _end_links(self) -> None:
        """No link goes beyond its paragraph; that of a file may, where its caption does."""
        while self._stack[-1].kind == "link" and not _is_hidden(self._stack[-1], self._hidden):
            self._flatten(1)


def _verbatim(name: str, content: str) -> str:
    """`content` of a verbatim element; in formulas no `{{`, which the reader of the text would take for a template."""
    if name in FORMULAS:
        return BRACES.sub("{ ", content)
    return "\n" + content if name in ("pre", "syntaxhighlight", "source") and "\n" in content else content


def _is_hidden(frame: Frame, hidden: frozenset[str]) -> bool:
    start = frame.pieces[0] if frame.pieces else None
    return start is not None and _namespace(start) in hidden


def _namespace(target: str) -> str:
    return target.partition(":")[0].strip().replace("_", " ").lower() if ":" in target else ""


def _link(parts: list[str], hidden: frozenset[str]) -> str:
    target = parts[0].strip()
    shown = "|".join(parts[1:])
    if target.startswith(("http://", "https://", "//")):
        return target.partition(" ")[2] or shown
    if _namespace(target) in hidden:
        return ""
    if len(parts) == 1 and LANGUAGE.match(target.partition(":")[0]) and ":" in target:
        return ""
    return shown or target.lstrip(":#")


def _template(frame: Frame) -> str:
    """The words of a template that dresses them; nothing for any other."""
    start = frame.pieces[0] if frame.pieces else None
    name = (start or "").strip().replace("_", " ").lower()
    if name in FIXED:
        return FIXED[name]
    is_language = name.startswith("lang-") and len(name) <= 12
    if not (is_language or name in FIRST or name in LAST or name in ("convert", "cvt", "frac", "as of", "circa", "c.")):
        return ""
    return _shown(name, [part.strip() for part in frame.parts()[1:]])


def _shown(name: str, arguments: list[str]) -> str:
    unnamed = [one for one in arguments if not re.match(r"[\w -]{1,30}=", one)]
    named = dict(one.split("=", 1) for one in arguments if re.match(r"[1-9]=", one))
    unnamed = unnamed or [named[key] for key in sorted(named)]
    match name:
        case "circa" | "c.":
            return f"c. {unnamed[0]}" if unnamed else "c."
        case "as of":
            return f"As of {' '.join(reversed(unnamed[:2]))}"
        case "frac":
            return "/".join(unnamed[-2:])
        case "convert" | "cvt":
            return " ".join(unnamed[: 4 if len(unnamed) > 3 and unnamed[1] in ("to", "and", "-", "x", "by") else 2])
    if not unnamed:
        return ""
    return unnamed[-1] if name in LAST else unnamed[0]


def _line(line: str) -> str | None:
    """A line of text with its list and heading marks readable; None for what a table left."""
    line = BEFORE.sub("", SPACES.sub(" ", _unquoted(line))).strip()
    if line.startswith(("|", "{|")) or (line.startswith("!") and ("!!" in line or "|" in line)):
        return None
    if line.startswith("=") and line.endswith("="):
        level = min(len(line) - len(line.lstrip("=")), len(line) - len(line.rstrip("=")), 6)
        title = line[level:-level].strip()
        return f"{'#' * level} {title}" if title else None
    if line.startswith("----"):
        return line.lstrip("-").strip()
    marks = line[: len(line) - len(line.lstrip("*#:; "))].replace(" ", "")
    if not marks:
        return line
    words = line.lstrip("*#:; ")
    if not words:
        return None
    return f"{'  ' * (len(marks) - 1)}- {words}" if marks[-1] in "*#" else words


def _unquoted(line: str) -> str:
    """`line` without bold and italic marks; as MediaWiki does, an apostrophe too many is one."""
    if "''" not in line:
        return line
    runs = [len(run) for run in QUOTES.findall(line)]
    bold, italic = (sum(run in (size, 5) or (size == 3 and run == 4) for run in runs) for size in (3, 2))
    if bold % 2 and italic % 2:
        line = re.sub(r"(?<=\w)'''(?!')", "'", line, count=1)
    plain = QUOTES.sub(lambda match: "'" if len(match[0]) == 4 else "", line)
    return PAIRS.sub(r"\1", plain)


def _without_empty_sections(lines: list[str]) -> Iterator[str]:
    """`lines` but for headings with nothing below them, and with one empty line at most between two."""
    kept: list[str] = []
    below = 0  # the level of the section that would follow here; 0 where text does
    is_end = True
    for line in reversed(lines):
        level = len(line) - len(line.lstrip("#")) if HEADING.match(line) else 0
        if level and (is_end or (below and below <= level)):
            continue
        if not line and (not kept or not kept[-1]):
            continue
        if level and not below and kept and not kept[-1]:
            kept.pop()  # the text of a section follows its heading
        kept.append(line)
        if line:
            below, is_end = level, False
        if level:
            kept.append("")
    return reversed(kept)

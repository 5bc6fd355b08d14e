"""Turn the bytes of one file into text, in a process of its own that may use little time and memory.

Run as a program: the kind is its argument, the bytes its input, JSON its output. It imports nothing of ours.
"""

import csv
import io
import json
import re
import resource
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from html.parser import HTMLParser
from typing import Any, Final
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

SECONDS: Final = 30
MEMORY: Final = 768 * 1024 * 1024
LONGEST: Final = 4_000_000
"""Characters of the text: more than 500 pages have."""
MOST_PAGES: Final = 500
MOST_ENTRIES: Final = 2000
UNPACKED: Final = 80 * 1024 * 1024
MOST_ROWS: Final = 20_000
_SILENT: Final = frozenset(
    "script style noscript template svg math iframe object embed nav footer form button select head".split()
)
_VOID: Final = frozenset("area base br col embed hr img input link meta source track wbr".split())
_HEADINGS: Final = {f"h{level}": "#" * level for level in range(1, 7)}
_BLOCKS: Final = frozenset(
    "address article aside blockquote dd div dl dt fieldset figcaption figure header hr main ol p pre section table "
    "tbody thead tr ul li br".split()
)
_UNSEEN: Final = re.compile(r"display:none|visibility:hidden|font-size:0(?![.\d]*[1-9])")
"""Styles with which a page shows a text to programs only."""
_JOINERS: Final = "\u200c\u200d"
"""Signs that shape words of some scripts; others that nobody sees are left out."""
_CHARSET: Final = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w-]{1,40})", re.IGNORECASE)
_WORD: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


class Unreadable(Exception):
    """The file can't be read; the code says why."""


class Page(HTMLParser):
    """The visible text of a page as Markdown, and its addresses."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.links: list[str] = []
        self.title = self.language = self.base = self.robots = ""
        self._silent: list[str] = []
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        self._note(tag, facts)
        style = re.sub(r"\s", "", facts.get("style") or "").lower()
        is_hidden = "hidden" in facts or facts.get("aria-hidden") == "true" or bool(_UNSEEN.search(style))
        if tag not in _VOID and (self._silent or tag in _SILENT or is_hidden):
            self._silent.append(tag)
            return
        if tag in _HEADINGS:
            self.parts.append(f"\n\n{_HEADINGS[tag]} ")
        elif tag == "tr":
            self.parts.append("\n\0row")
        elif tag in ("td", "th"):
            self.parts.append("\0")
        elif tag == "table":
            self.parts.append("\n\n")
        elif tag == "li":
            self.parts.append("\n- ")
        elif tag in _BLOCKS:
            self.parts.append("\n" if tag == "br" else "\n\n")

    def _note(self, tag: str, facts: dict[str, str | None]) -> None:
        """Keep what an element says about the page, and where it links to."""
        if tag == "html":
            self.language = (facts.get("lang") or "")[:2].lower()
        elif tag == "title":
            self._in_title = True
        elif tag == "base":
            self.base = self.base or (facts.get("href") or "")[:1000]
        elif tag == "meta" and (facts.get("name") or "").lower() == "robots":
            self.robots = f"{self.robots},{facts.get('content') or ''}"[:300]
        elif tag == "a" and facts.get("href") and "nofollow" not in (facts.get("rel") or "").lower():
            self.links.extend([str(facts["href"])[:1000]] if len(self.links) < 2000 else [])

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        if self._silent:
            if tag in self._silent:
                while self._silent.pop() != tag:
                    pass
            return
        if tag == "tr":
            self._end_row()
        elif tag in _HEADINGS or tag in _BLOCKS:
            self.parts.append("\n" if tag == "li" else "\n\n")

    def _end_row(self) -> None:
        """Write the cells since the row began as a row of a Markdown table."""
        at = next((place for place in range(len(self.parts) - 1, -1, -1) if self.parts[place] == "\n\0row"), None)
        if at is None:
            return
        cells = " ".join("".join(self.parts[at + 1 :]).split()).split("\0")[1:]
        del self.parts[at:]
        if cells:
            self.parts.append(f"\n| {' | '.join(cell.strip().replace('|', '/') for cell in cells)} |")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title = (self.title + data)[:300]
        if not (self._silent or self._in_title):
            self.parts.append(re.sub(r"\s+", " ", data.replace("\0", " ")))


def read(kind: str, content: bytes) -> dict[str, Any]:
    """Return the text as Markdown, and what else is known. Raises `Unreadable`."""
    readers = {"pdf": _pdf, "docx": _docx, "html": _html, "csv": _csv, "md": _plain, "txt": _plain}
    found = readers[kind](content)
    found["text"] = clean(str(found["text"]))[:LONGEST]
    if not found["text"].strip():
        raise Unreadable("scanned" if kind == "pdf" else "no_text")
    return found


def clean(text: str) -> str:
    """Return a text without what a database can't store and without endless empty lines."""
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ").replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(sign if sign >= " " or sign in "\n\t" else " " for sign in text)
    if not text.isascii():
        text = "".join(sign for sign in text if unicodedata.category(sign) != "Cf" or sign in _JOINERS)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text)).strip()


def _pdf(content: bytes) -> dict[str, Any]:
    from pypdf import PdfReader  # noqa: PLC0415  (large: only where it is needed)
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    try:
        document = PdfReader(io.BytesIO(content), strict=False)
        if document.is_encrypted and not document.decrypt(""):
            raise Unreadable("encrypted")
        pages = len(document.pages)
        if pages > MOST_PAGES:
            raise Unreadable("too_many_pages")
        parts, room = [], LONGEST
        for page in document.pages:
            part = page.extract_text()
            parts.append(part)
            room -= len(part)
            if room < 0:
                break
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, AssertionError, OverflowError,
            NotImplementedError, RecursionError, UnicodeError) as problem:  # fmt: skip
        raise Unreadable("damaged") from problem
    return {"text": "\n\n".join(parts), "pages": pages}


def _docx(content: bytes) -> dict[str, Any]:
    try:
        packed = ZipFile(io.BytesIO(content))
        infos = packed.infolist()
        if len(infos) > MOST_ENTRIES or sum(info.file_size for info in infos) > UNPACKED:
            raise Unreadable("too_large")
        if any(info.flag_bits & 1 for info in infos):
            raise Unreadable("encrypted")
        with packed.open("word/document.xml") as stream:
            body = stream.read(UNPACKED + 1)
        if len(body) > UNPACKED:
            raise Unreadable("too_large")
        if b"<!DOCTYPE" in body[:10_000] or b"<!ENTITY" in body:
            raise Unreadable("damaged")
        root = ElementTree.fromstring(body)  # noqa: S314  (no DTD, little memory and time)
    except (BadZipFile, KeyError, ElementTree.ParseError, ValueError, OSError, NotImplementedError) as problem:
        raise Unreadable("damaged") from problem
    return {"text": "\n\n".join(_blocks(root.find(f"{_WORD}body")))}


def _blocks(body: Any) -> Iterator[str]:
    for child in () if body is None else body:
        if child.tag == f"{_WORD}p":
            text = _paragraph(child)
            style = child.find(f"{_WORD}pPr/{_WORD}pStyle")
            name = "" if style is None else str(style.get(f"{_WORD}val", "")).lower()
            level = re.search(r"(?:heading|berschrift|titre|titolo|kop|t[ií]tulo)\s*([1-6])", name)
            heading = "#" * int(level[1]) if level else "#" if name == "title" else ""
            yield f"{heading} {text}" if heading and text else text
        elif child.tag == f"{_WORD}tbl":
            rows = [[[_paragraph(p) for p in cell.iter(f"{_WORD}p")] for cell in row.iter(f"{_WORD}tc")]
                    for row in child.iter(f"{_WORD}tr")]  # fmt: skip
            cells = ([" ".join(cell).replace("|", "/") for cell in row] for row in rows)
            yield "\n".join(f"| {' | '.join(row)} |" for row in cells)
        elif child.tag == f"{_WORD}sdt":
            yield from _blocks(child.find(f"{_WORD}sdtContent"))


def _paragraph(node: Any) -> str:
    words = []
    for each in node.iter():
        if each.tag == f"{_WORD}t":
            words.append(each.text or "")
        elif each.tag in (f"{_WORD}tab", f"{_WORD}br"):
            words.append(" ")
    return " ".join("".join(words).split())


def _html(content: bytes) -> dict[str, Any]:
    page = Page()
    named = _CHARSET.search(content[:4000])
    page.feed(_decoded(content, named[1].decode() if named else ""))
    page.close()
    text = "".join(page.parts).replace("\0", " ")
    lines = [re.sub(r"[ \t]+", " ", line).strip() for line in text.split("\n")]
    return {
        "text": "\n".join(lines),
        "title": " ".join(clean(page.title).split()),
        "language": page.language,
        "links": page.links,
        "base": page.base,
        "robots": page.robots,
    }


def _csv(content: bytes) -> dict[str, Any]:
    csv.field_size_limit(100_000)
    text = _decoded(content)
    shape: Any = csv.get_dialect("excel")
    with suppress(csv.Error):
        shape = csv.Sniffer().sniff(text[:4000], delimiters=",;\t|")
    lines: list[str] = []
    try:
        for row in csv.reader(io.StringIO(text), shape):
            if len(lines) > MOST_ROWS:
                raise Unreadable("too_many_rows")
            if any(cell.strip() for cell in row):
                lines.append(f"| {' | '.join(' '.join(cell.split()).replace('|', '/') for cell in row)} |")
    except csv.Error as problem:
        raise Unreadable("damaged") from problem
    return {"text": "\n".join(lines)}


def _plain(content: bytes) -> dict[str, Any]:
    return {"text": _decoded(content)}


def _decoded(content: bytes, named: str = "") -> str:
    marked = ["utf-16"] if content[:2] in (b"\xff\xfe", b"\xfe\xff") else []
    for name in ("utf-8-sig", *marked, *([named] if named else [])):
        try:
            return content.decode(name)
        except (LookupError, UnicodeError):
            continue
    return content.decode("cp1252", "replace")


def main() -> None:
    """Read one file within the limits and write what was found, or why nothing was."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    try:
        found = read(sys.argv[1], sys.stdin.buffer.read())
    except Unreadable as problem:
        found = {"error": str(problem)}
    except MemoryError:
        found = {"error": "too_large"}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()

"""Turn a mail's HTML into plain text, loading nothing. Searches move forward only: cost grows with length."""

import html
import re
from typing import Final

LIMIT: Final = 500_000
TAG_LIMIT: Final = 4_000
QUOTE_DEPTH: Final = 8
_SILENT: Final = ("script", "style", "head", "title", "template", "noscript", "svg", "object", "iframe", "textarea")
_BLOCKS: Final = frozenset(
    "address article aside blockquote div dl dt dd fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr li main "
    "nav ol p pre section table tr ul".split()
)
_NAME: Final = re.compile(r"/?[a-zA-Z][a-zA-Z0-9:-]{0,30}")
_HREF: Final = re.compile(r"\bhref\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.IGNORECASE)
_ALT: Final = re.compile(r"\balt\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_SPACE: Final = re.compile(r"[ \t\r\n\f\xa0\u200b-\u200d\ufeff]+")
_LINES: Final = re.compile(r"\n{3,}")


def to_text(page: str) -> str:
    """Return the words of a page, one block a line; quoted blocks begin with ">", links name their address."""
    return _Reader(page[:LIMIT]).read()


class _Reader:
    """Reads one page from start to end."""

    def __init__(self, page: str) -> None:
        self._page, self._lower = page, page.lower()
        self._lines: list[str] = []
        self._line: list[str] = []
        self._depth = 0
        self._link, self._label = "", 0

    def read(self) -> str:
        at, page = 0, self._page
        while at < len(page):
            opened = page.find("<", at)
            if opened < 0:
                self._add(page[at:])
                break
            self._add(page[at:opened])
            if page.startswith("<!--", opened):
                closed = page.find("-->", opened + 4)
                at = closed + 3 if closed >= 0 else len(page)
                continue
            closed = page.find(">", opened)
            if closed < 0:
                break
            at = self._tag(page[opened + 1 : min(closed, opened + TAG_LIMIT)], closed + 1)
        self._break()
        text = "\n".join(self._lines)
        return _LINES.sub("\n\n", text).strip()

    def _tag(self, inside: str, after: int) -> int:
        """Take one tag and return where to read on."""
        found = _NAME.match(inside)
        name = found.group().lower() if found else ""
        plain = name.removeprefix("/")
        if plain in _SILENT:
            if name == plain and not inside.endswith("/"):
                closed = self._lower.find(f"</{plain}", after)
                end = self._page.find(">", closed) if closed >= 0 else -1
                return end + 1 if end >= 0 else len(self._page)
        elif plain == "br":
            self._break(keep_empty=True)
        elif plain in _BLOCKS:
            self._break(keep_empty=plain == "p")
            if plain == "blockquote":
                self._depth = min(max(self._depth + (1 if name == plain else -1), 0), QUOTE_DEPTH)
        elif plain == "td" and name == "td" and self._line:
            self._line.append(" ")
        elif plain == "a":
            self._anchor(inside, opens=name == "a")
        elif name == "img" and (alt := _ALT.search(inside)):
            self._add(next(filter(None, alt.groups()), ""))
        return after

    def _anchor(self, inside: str, *, opens: bool) -> None:
        if not opens:
            # Only the end of a link looks back: a page of ends alone would read its line again at each.
            if self._link and self._link not in "".join(self._line[self._label :]):
                self._line.append(f" <{self._link}>")
            self._link = ""
            return
        found = _HREF.search(inside)
        target = html.unescape(next(filter(None, found.groups()), "")).strip() if found else ""
        is_plain = target.lower().startswith(("http://", "https://")) and target.isprintable()
        self._link, self._label = (target[:500] if is_plain else ""), len(self._line)

    def _add(self, text: str) -> None:
        words = _SPACE.sub(" ", html.unescape(text))
        if words.strip() or (words and self._line and not self._line[-1].endswith(" ")):
            self._line.append(words)

    def _break(self, *, keep_empty: bool = False) -> None:
        line = "".join(self._line).strip()
        self._line, self._label = [], 0
        mark = "> " * self._depth
        if line or (keep_empty and self._lines and self._lines[-1].strip("> ")):
            self._lines.append(f"{mark}{line}".rstrip())

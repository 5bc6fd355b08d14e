"""Show an article's Markdown as HTML in which nothing is ours but the tags (pure).

Every piece of the text is escaped before it is put between tags of a short list, so HTML that an article contains is
shown as text. Links lead to the web or to a mailbox; pictures become links, because the page loads nothing from
elsewhere.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import urlsplit

from agents.knowledge.sources.passages import heading_of, plain

MOST_DEPTH: Final = 4
_FENCE: Final = re.compile(r"^\s{0,3}(`{3,}|~{3,})")
_ITEM: Final = re.compile(r"^(\s{0,12})(?:[-*+•]|(\d{1,3})[.)])\s+(\S.*)$")
_ROW: Final = re.compile(r"^\s*\|(.+)\|\s*$")
_RULE: Final = re.compile(r"^[\s|:\-]+$")
_LINE: Final = re.compile(r"^\s{0,3}([-*_])(?:\s*\1){2,}\s*$")
_QUOTE: Final = re.compile(r"^\s{0,3}>\s?(.*)$")
_INLINE: Final = re.compile(
    r"`(?P<code>[^`\n]{1,300})`"
    r"|!?\[(?P<words>[^\[\]]{0,300})\]\((?P<target>[^()\s]{1,1000}(?:\([^()\s]{0,200}\)[^()\s]{0,500})?)"
    r"(?:\s+\"[^\"]{0,200}\")?\)"
    r"|(?P<address>https?://[^\s<>\"'|\\]{3,500})"
    r"|(?<![\w*])\*\*(?=\S)(?P<strong>[^\n]{1,500}?)(?<=\S)\*\*(?![\w*])"
    r"|(?<![\w*_])(?P<mark>[*_])(?=\S)(?P<soft>[^*_\n]{1,300}?)(?<=\S)(?P=mark)(?![\w*_])"
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A section of an article, with the id of its heading."""

    id: str
    words: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An article as HTML, with its main sections in order."""

    html: str
    sections: tuple[Heading, ...]


def show_article(title: str, text: str) -> Shown:
    """Return an article's Markdown as safe HTML: headings begin at the second level, below the title."""
    lines = text.replace("\r\n", "\n").replace("\t", "    ").split("\n")
    blocks = blocks_of(lines)
    if blocks and blocks[0][0] == "heading" and blocks[0][2][0].casefold().strip(" .") == title.casefold().strip(" ."):
        blocks.pop(0)
    levels = sorted({level for kind, level, _ in blocks if kind == "heading"})
    made: list[str] = []
    sections: list[Heading] = []
    for kind, level, body in blocks:
        if kind != "heading":
            made.append(block_html(kind, body))
            continue
        depth = min(levels.index(level), 2) + 2
        words = plain(body[0])
        place = f"s{len(sections) + 1}"
        if depth == 2:
            sections.append(Heading(place, words))
        made.append(f"<h{depth}{f' id={chr(34)}{place}{chr(34)}' if depth == 2 else ''}>{escape(words)}</h{depth}>")
    return Shown("\n".join(filter(None, made)), tuple(sections))


_Block = tuple[str, int, list[str]]


def blocks_of(lines: Sequence[str]) -> list[_Block]:
    """Return the blocks of a text: what each is, the level of a heading, and its lines."""
    blocks: list[_Block] = []
    room: list[str] = []
    fence = ""

    def close() -> None:
        if room:
            blocks.append((kind_of(room), 0, room.copy()))
            room.clear()

    for line in lines:
        if fence:
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                blocks.append(("code", 0, room.copy()))
                room.clear()
                fence = ""
            else:
                room.append(line)
        elif found := _FENCE.match(line):
            close()
            fence = found[1]
        elif (heading := heading_of(line, room)) is not None:
            close()
            blocks.append(("heading", heading[0], [heading[1]]))
        elif not line.strip():
            close()
        elif _LINE.match(line) and not _ROW.match(line):
            close()
            blocks.append(("line", 0, []))
        else:
            starts = bool(_ITEM.match(line)) != bool(room and _ITEM.match(room[0]))
            if room and starts and _ITEM.match(line):
                close()
            room.append(line)
    blocks += [("code", 0, room)] if fence else []
    if not fence:
        close()
    return joined(blocks)


def joined(blocks: Sequence[_Block]) -> list[_Block]:
    """Return blocks with lists in one that only empty lines divide."""
    joined: list[_Block] = []
    for kind, level, body in blocks:
        if joined and kind == joined[-1][0] == "list" and _is_ordered(body) == _is_ordered(joined[-1][2]):
            joined[-1] = (kind, level, [*joined[-1][2], *body])
        else:
            joined.append((kind, level, body))
    return joined


def _is_ordered(body: Sequence[str]) -> bool:
    found = _ITEM.match(body[0])
    return bool(found and found[2])


def kind_of(lines: Sequence[str]) -> str:
    """Return what the lines of a block are: a list, a table, a quotation or a paragraph."""
    if _ITEM.match(lines[0]):
        return "list"
    if len(lines) > 1 and all(_ROW.match(line) for line in lines) and _RULE.match(lines[1]):
        return "table"
    return "quote" if all(_QUOTE.match(line) for line in lines) else "paragraph"


def block_html(kind: str, body: Sequence[str]) -> str:
    """Return a block that is no heading as HTML."""
    if kind == "code":
        return f"<pre><code>{escape(chr(10).join(body))}</code></pre>"
    if kind == "line":
        return "<hr>"
    if kind == "list":
        return list_html(body)
    if kind == "table":
        return table_html(body)
    if kind == "quote":
        said = [found[1] for line in body if (found := _QUOTE.match(line))]
        return f"<blockquote><p>{'<br>'.join(map(inline, said))}</p></blockquote>"
    # Two spaces or a backslash at its end break a line.
    parts = [inline(line.strip().removesuffix("\\")) + ("<br>" if line.endswith(("  ", "\\")) else "") for line in body]
    return f"<p>{' '.join(parts).removesuffix('<br>')}</p>"


def list_html(lines: Sequence[str]) -> str:
    """Return a list as HTML, with those in it that are indented; other lines belong to the entry before them."""
    entries: list[tuple[int, str, str]] = []
    for line in lines:
        if found := _ITEM.match(line):
            entries.append((len(found[1]), found[2] or "", found[3]))
        elif entries:
            indent, number, words = entries[-1]
            entries[-1] = (indent, number, f"{words} {line.strip()}")
    html = ""
    open_at: list[tuple[int, str]] = []
    for indent, number, words in entries:
        while len(open_at) > 1 and indent < open_at[-1][0]:
            html += f"</li></{open_at.pop()[1]}>"
        if not open_at or (indent > open_at[-1][0] + 1 and len(open_at) < MOST_DEPTH):
            tag = "ol" if number else "ul"
            begins = f' start="{int(number)}"' if number and int(number) > 1 else ""
            html += f"<{tag}{begins}>"
            open_at.append((indent, tag))
        else:
            html += "</li>"
        html += f"<li>{inline(words)}"
    while open_at:
        html += f"</li></{open_at.pop()[1]}>"
    return html


def table_html(lines: Sequence[str]) -> str:
    """Return a table as HTML, with a heading for each column."""
    head, _, *rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    above = "".join(f'<th scope="col">{inline(cell)}</th>' for cell in head)
    below = "".join(
        "<tr>" + "".join(f"<td>{inline(cell)}</td>" for cell in [*row, *[""] * len(head)][: len(head)]) + "</tr>"
        for row in rows
    )
    # A table that is wider than a phone is scrolled by itself, by keyboard too.
    return (
        f'<div class="scroll" tabindex="0" role="group"><table><thead><tr>{above}</tr></thead>'
        f"<tbody>{below}</tbody></table></div>"
    )


def inline(text: str, depth: int = 0) -> str:
    """Return a line as HTML: code, links and emphasis are shown, everything else is escaped."""
    made, at = [], 0
    for found in _INLINE.finditer(text):
        made.append(escape(text[at : found.start()]))
        at = found.end()
        made.append(part_html(found, depth))
    return "".join([*made, escape(text[at:])])


def part_html(found: re.Match[str], depth: int) -> str:
    """Return code, a link or emphasis as HTML."""

    def within(words: str) -> str:
        return inline(words, depth + 1) if depth < MOST_DEPTH else escape(words)

    if found["code"]:
        return f"<code>{escape(found['code'])}</code>"
    if found["address"]:
        address = found["address"].rstrip(".,;:!?)*_")
        rest = found["address"][len(address) :]
        return f"{_link(address, escape(address))}{escape(rest)}"
    if found["target"]:
        words = found["words"] or found["target"]
        return _link(found["target"], escape(plain(words)))
    if found["strong"]:
        return f"<strong>{within(found['strong'])}</strong>"
    return f"<em>{within(found['soft'])}</em>"


def _link(address: str, words: str) -> str:
    """Return a link to the web or a mailbox; the words alone for every other address."""
    if any(ord(sign) < 33 or sign in '<>"\\' for sign in address):
        return words
    try:
        parts = urlsplit(address)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return words
    if not (is_web or (parts.scheme in ("mailto", "tel") and parts.path)):
        return words
    return f'<a href="{escape(address)}" rel="nofollow noopener">{words}</a>'

"""Cut a document written in Markdown into passages at its headings (pure)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap
from typing import Final

LONGEST: Final = 1200
"""Characters of a passage; a longer section is cut between paragraphs, then between sentences."""
MOST_PASSAGES: Final = 5000
_HEADING: Final = re.compile(r"^(#{1,6})\s+(.+?)\s*#*$")
_UNDERLINE: Final = re.compile(r"^(=|-)\1{2,}\s*$")
_BOLD: Final = re.compile(r"^\*\*([^*]{2,100}?)[:.]?\*\*:?\s*$")
_ROW: Final = re.compile(r"^\s*\|(.+)\|\s*$")
_RULE: Final = re.compile(r"^[\s|:\-]+$")
_SENTENCE: Final = re.compile(r"(?<=[.!?…])\s+(?=[^\s])")
_LINK: Final = re.compile(r"!?\[([^\]]{0,300})\]\([^)\s]{0,1000}(?:\s+\"[^\"]{0,200}\")?\)")
_EMPHASIS: Final = re.compile(r"(?<![\w*])(\*{1,3}|_{1,3})(?=\S)([^*_\n]{1,300}?)(?<=\S)\1(?![\w*])")
_CODE: Final = re.compile(r"`([^`\n]{1,300})`")


@dataclass(frozen=True, slots=True)
class Piece:
    """One passage: the headings above it and its text."""

    heading: str
    text: str


def cut(text: str) -> list[Piece]:
    """Return the passages of a text in order; a section stays whole where it fits."""
    pieces: list[Piece] = []
    for heading, body in _sections(text):
        for part in _parts(body):
            pieces.append(Piece(heading[:300], part))
            if len(pieces) == MOST_PASSAGES:
                return pieces
    return pieces


def plain(text: str) -> str:
    """Return Markdown as text: without emphasis, code marks and the addresses of links."""
    text = _LINK.sub(r"\1", text)
    text = _CODE.sub(r"\1", text)
    return _EMPHASIS.sub(r"\2", text)


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, and its lines where it is a list."""
    return [part.strip() for line in text.splitlines() for part in _SENTENCE.split(line) if part.strip()]


def _sections(text: str) -> Iterator[tuple[str, str]]:
    path: list[tuple[int, str]] = []
    lines: list[str] = []
    for line in text.splitlines():
        found = heading_of(line, lines)
        if found is None:
            lines.append(line)
            continue
        yield " › ".join(name for _, name in path), "\n".join(lines)
        (level, name), lines = found, []
        path = [(depth, above) for depth, above in path if depth < level] + [(level, name)]
    yield " › ".join(name for _, name in path), "\n".join(lines)


def heading_of(line: str, before: list[str]) -> tuple[int, str] | None:
    """Return the level and the words of a heading: a line marked as one, or one that is underlined or all bold.

    An underlined one stands before, and is taken away from there.
    """
    if len(line) >= 400:
        return None
    if found := _HEADING.match(line):
        return len(found[1]), plain(found[2])
    stands_alone = len(before) < 2 or not before[-2].strip()
    if before and before[-1].strip() and stands_alone and (under := _UNDERLINE.match(line)):
        return (1 if under[1] == "=" else 2), plain(before.pop().strip())
    if (bold := _BOLD.match(line)) and not (before and before[-1].strip()):
        return 6, plain(bold[1])
    return None


def _parts(body: str) -> Iterator[str]:
    """Return the parts of a section that fit a passage."""
    room = ""
    for block in re.split(r"\n\s*\n", body):
        words = _worded(block)
        for piece in [words] if len(words) <= LONGEST else _broken(words):
            if room and len(room) + len(piece) + 2 > LONGEST:
                yield room
                room = ""
            room = f"{room}\n\n{piece}" if room and piece else room or piece
    if room:
        yield room


def _worded(block: str) -> str:
    """Return a paragraph as one line, a list as its lines, a table as one line a row with its column names."""
    lines = [line.strip() for line in block.splitlines() if line.strip()]
    rows = [found[1].split("|") for line in lines if (found := _ROW.match(line)) and not _RULE.match(line)]
    if len(rows) > 1 and len(rows) >= len(lines) - 1:
        head, *rest = [[plain(cell.strip()) for cell in row] for row in rows]
        return "\n".join(_worded_row(head, row) for row in rest)
    if any(re.match(r"(?:[-*+•]|\d{1,3}[.)])\s", line) for line in lines):
        return "\n".join(plain(line) for line in lines)
    return plain(" ".join(lines))


def _worded_row(head: list[str], row: list[str]) -> str:
    cells = [f"{name} {cell}" if name else cell for name, cell in zip(head[1:], row[1:], strict=False) if cell]
    first = f"{head[0]} {row[0]}".strip() if row else ""
    return f"{first}: {', '.join(cells)}" if cells else first


def _broken(text: str) -> Iterator[str]:
    """Return a long paragraph in parts that end with a sentence, or with a word."""
    room = ""
    for sentence in sentences(text):
        for piece in wrap(sentence, LONGEST, break_on_hyphens=False, expand_tabs=False, replace_whitespace=False):
            if room and len(room) + len(piece) + 1 > LONGEST:
                yield room
                room = ""
            room = f"{room} {piece}".strip()
    if room:
        yield room

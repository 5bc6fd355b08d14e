"""Read one email: subject, ids, texts and files."""

import hashlib
from dataclasses import dataclass, field
from typing import Final

from channels_app.mime import html_text, quotes
from channels_app.mime.charsets import without_controls
from channels_app.mime.headers import Address, Headers, parse_addresses
from channels_app.mime.parts import TEXT_LIMIT, Part, head_of, split

FILES_LIMIT: Final = 50
# Values of headers that name recipients; each may name many.
RECIPIENTS_LIMIT: Final = 20
SUBJECT_LIMIT: Final = 300


@dataclass(frozen=True, slots=True)
class File:
    """A file of an email; `number` is its part's place, by which its bytes are read later."""

    number: int
    content_type: str
    filename: str = field(repr=False)
    size: int


@dataclass(frozen=True, slots=True)
class Mail:
    """An email as it is read; `text` is what is new in it, `quoted` what stood below."""

    headers: Headers = field(repr=False)
    parts: list[Part] = field(repr=False)
    subject: str = field(repr=False)
    message_id: str
    references: tuple[str, ...]
    text: str = field(repr=False)
    quoted: str = field(repr=False)
    files: tuple[File, ...]
    files_left_out: int = 0

    @property
    def recipients(self) -> list[Address]:
        """Return the addresses it names as its recipients."""
        names = ("delivered-to", "x-original-to", "x-forwarded-to", "to", "cc")
        values = [value for name in names for value in self.headers.all(name)]
        return [one for value in values[:RECIPIENTS_LIMIT] for one in parse_addresses(value)]


def read(raw: bytes) -> Mail:
    """Read an email of at most some megabytes; never raises for what stands in it."""
    headers, parts = split(raw)
    text, quoted = quotes.split(without_controls(_whole_text(parts)))
    files = [
        File(number, part.content_type[:100], part.filename, part.size)
        for number, part in enumerate(parts)
        if _is_file(part)
    ]
    return Mail(
        headers=headers,
        parts=parts,
        subject=headers.text("subject")[:SUBJECT_LIMIT],
        message_id=id_of(headers),
        references=tuple(headers.message_ids("references", "in-reply-to")),
        text=text,
        quoted=quoted,
        files=tuple(files[:FILES_LIMIT]),
        files_left_out=max(len(files) - FILES_LIMIT, 0),
    )


def id_of(headers: Headers) -> str:
    """Return the Message-ID, or "" without one."""
    return next(iter(headers.message_ids("message-id")), "")


def identity_of(raw: bytes) -> tuple[Headers, str]:
    """Return the headers, and what tells this email from every other: its Message-ID, else a hash.

    The hash leaves out headers that change on the way, unless there is nothing else.
    """
    headers, body = head_of(raw)
    if found := id_of(headers):
        return headers, found
    named = [headers.raw(name) for name in ("from", "to", "date", "subject")]
    digest = hashlib.sha256("\n".join(named).encode())
    digest.update(memoryview(raw)[body if any(named) else 0 :])
    return headers, f"sha256:{digest.hexdigest()}"


def _is_file(part: Part) -> bool:
    return part.is_file or not part.content_type.startswith(("text/plain", "text/html"))


def _whole_text(parts: list[Part]) -> str:
    """Return the words of an email, up to a limit: of alternatives the plain one, if it says something."""
    found: list[str] = []
    said: set[int] = set()
    pages: list[tuple[int, Part]] = []
    left, left_of_pages = TEXT_LIMIT, html_text.LIMIT
    for part in parts:
        if _is_file(part):
            continue
        if part.content_type == "text/html":
            pages.append((len(found), part))
            found.append("")
        elif left > 0 and (text := part.text()[:left].strip()):
            left -= len(text)
            found.append(text)
            said.add(part.group)
    for place, part in pages:
        if left_of_pages > 0 and not (part.group and part.group in said):
            page = part.text()[:left_of_pages]
            left_of_pages -= len(page)
            found[place] = html_text.to_text(page)
    return "\n\n".join(filter(None, found))

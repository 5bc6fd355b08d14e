"""Cut an email into its parts by its boundaries.

The standard library's parser keeps every line of a mail as an object of its own and asks at each line for each
boundary: 10 MB of line ends take it a minute and gigabytes. This one searches the bytes once per level and copies
nothing, so time and memory are bounded by the size. Headers and their parameters are read by the standard library.
"""

import binascii
import re
from dataclasses import dataclass
from email.message import Message
from typing import Final

from channels_app.mime.charsets import decode, whole
from channels_app.mime.headers import BLOCK_LIMIT, FAULTS, Headers, in_words

DEPTH_LIMIT: Final = 12
PARTS_LIMIT: Final = 1_000
TEXT_LIMIT: Final = 1_000_000
FILENAME_LIMIT: Final = 150
NAME_LIMIT: Final = 1_000
# Lines that begin like a boundary and are none: nested parts have some, a mail that is made of them is not cut.
LOOKALIKES: Final = 20_000
_BLANK: Final = re.compile(rb"\r?\n\r?\n")
_FORBIDDEN: Final = re.compile(r"[\\/:*?\"<>|\s]+")


@dataclass(frozen=True, slots=True)
class Part:
    """One part that holds something; `group` is the number of its multipart/alternative, 0 for none."""

    raw: memoryview
    headers: Headers
    content_type: str
    charset: str
    filename: str
    is_file: bool
    group: int

    @property
    def encoding(self) -> str:
        return self.headers.raw("content-transfer-encoding").strip().lower()

    @property
    def size(self) -> int:
        """Return the size of the content in bytes; of base64 roughly, without decoding it."""
        return len(self.raw) * 3 // 4 if self.encoding == "base64" else len(self.raw)

    def content(self) -> bytes:
        """Return the decoded bytes."""
        return _decoded(bytes(self.raw), self.encoding)

    def text(self) -> str:
        """Return the start of the part as text."""
        content = _decoded(bytes(self.raw[: TEXT_LIMIT * 2]), self.encoding)[:TEXT_LIMIT]
        return decode(content, self.charset).replace("\r\n", "\n").replace("\r", "\n")


@dataclass(slots=True)
class _Cut:
    """What has been found so far."""

    parts: list[Part]
    groups: int = 0
    lookalikes: int = 0


def split(raw: bytes) -> tuple[Headers, list[Part]]:
    """Return the headers of an email and its parts in order, at most `PARTS_LIMIT`."""
    cut = _Cut([])
    headers = _walk(memoryview(raw), raw, (0, len(raw)), cut, depth=0, group=0)
    return headers, cut.parts


def head_of(raw: bytes) -> tuple[Headers, int]:
    """Return the headers of an email, and where its body starts."""
    return _head(raw, 0, len(raw))


def _head(raw: bytes, start: int, end: int) -> tuple[Headers, int]:
    if raw[start : start + 1] == b"\n" or raw[start : start + 2] == b"\r\n":
        return Headers(b""), raw.index(b"\n", start) + 1
    blank = _BLANK.search(raw, start, min(end, start + BLOCK_LIMIT))
    if blank is None:
        # No body, or headers without an end.
        return Headers(raw[start : min(end, start + BLOCK_LIMIT)]), min(end, start + BLOCK_LIMIT)
    return Headers(raw[start : blank.start()]), blank.end()


def _walk(view: memoryview, raw: bytes, span: tuple[int, int], cut: _Cut, *, depth: int, group: int) -> Headers:
    start, end = span
    headers, body = _head(raw, start, end)
    facts = headers.as_message("content-type", "content-disposition")
    content_type = facts.get_content_type()
    if content_type.startswith("multipart/") and depth < DEPTH_LIMIT:
        if content_type == "multipart/alternative":
            cut.groups += 1
            group = cut.groups
        spans = _spans(raw, body, end, _boundary(facts), cut)
        for one in spans:
            if len(cut.parts) >= PARTS_LIMIT:
                return headers
            _walk(view, raw, one, cut, depth=depth + 1, group=group)
        if spans:
            return headers
        # It promises parts and has none: what there is may be read.
        content_type = "text/plain"
    filename = _filename(facts, headers)
    is_file = facts.get_content_disposition() == "attachment" or bool(filename)
    charset = _parameter(facts, "charset", "content-type")
    part = Part(view[body:end], headers, content_type, charset, filename, is_file, group)
    cut.parts.append(part)
    return headers


def _spans(raw: bytes, start: int, end: int, boundary: bytes, cut: _Cut) -> list[tuple[int, int]]:
    """Return where the parts between the boundaries are; the last may lack its end."""
    found: list[tuple[int, int]] = []
    if not boundary:
        return found
    line = b"--" + boundary
    at = start if raw.startswith(line, start, end) else _next_line(raw, line, start, end)
    began = -1
    while at >= 0 and cut.lookalikes < LOOKALIKES:
        after = at + len(line)
        tail = raw[after : min(after + 2, end)]
        is_last = tail == b"--"
        if is_last or not tail or tail[:1] in b"\r\n \t":
            if began >= 0:
                found.append((began, _without_line_end(raw, began, at)))
            if is_last or len(found) > PARTS_LIMIT:
                return found
            line_end = raw.find(b"\n", after, end)
            began = line_end + 1 if line_end >= 0 else end
            after = began - 1
        else:
            cut.lookalikes += 1
        at = _next_line(raw, line, after, end)
    if 0 <= began < end:
        found.append((began, end))
    return found


def _next_line(raw: bytes, line: bytes, start: int, end: int) -> int:
    """Return where the next line begins that starts with these bytes, or -1."""
    found = raw.find(b"\n" + line, start, end)
    return found + 1 if found >= 0 else -1


def _without_line_end(raw: bytes, start: int, end: int) -> int:
    """Return the end of a part: the line end before a boundary belongs to the boundary."""
    if end > start and raw[end - 1 : end] == b"\n":
        end -= 1
        if end > start and raw[end - 1 : end] == b"\r":
            end -= 1
    return end


def _parameter(facts: Message, name: str, header: str) -> str:
    try:
        return str(facts.get_param(name, "", header=header) or "")
    except FAULTS:
        return ""


def _boundary(facts: Message) -> bytes:
    try:
        return str(facts.get_boundary("") or "").encode("ascii", "replace")[:200]
    except FAULTS:
        return b""


def _filename(facts: Message, headers: Headers) -> str:
    """Return a file's own name without a path, or ""."""
    try:
        found = str(facts.get_filename("") or "")
    except FAULTS:
        return ""
    name = _FORBIDDEN.sub(" ", whole(in_words(found[:NAME_LIMIT])).replace("\\", "/").rpartition("/")[2]).strip(" .")
    return name[:FILENAME_LIMIT]


def _decoded(content: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        for padding in (b"", b"=", b"=="):
            try:
                return binascii.a2b_base64(content + padding)
            except binascii.Error:
                continue
        return b""
    return binascii.a2b_qp(content) if encoding == "quoted-printable" else content


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a posted form, with its bytes as they came."""

    content: memoryview
    filename: str
    content_type: str


def fields_of(body: bytes, content_type: str) -> dict[str, Field]:
    """Return the fields of a multipart form by name, the first of each; empty if it is none."""
    outer = Headers(b"content-type: " + content_type.encode("ascii", "replace")).as_message("content-type")
    found: dict[str, Field] = {}
    if outer.get_content_type() != "multipart/form-data":
        return found
    view = memoryview(body)
    for start, end in _spans(body, 0, len(body), _boundary(outer), _Cut([])):
        headers, at = _head(body, start, end)
        facts = headers.as_message("content-type", "content-disposition")
        name = _parameter(facts, "name", "content-disposition")
        found.setdefault(name, Field(view[at:end], _filename(facts, headers), facts.get_content_type()))
    return found

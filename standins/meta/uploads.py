"""Files that the product uploads: kinds and sizes as Meta takes them."""

import email.parser
import email.policy
from typing import Any

from standins.errors import ApiError
from standins.store import Document

MB = 1024 * 1024
_OOXML = "application/vnd.openxmlformats-officedocument"
FAMILIES: dict[str, tuple[int, frozenset[str]]] = {
    "image": (5 * MB, frozenset({"image/jpeg", "image/png"})),
    "audio": (16 * MB, frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"})),
    "video": (16 * MB, frozenset({"video/mp4", "video/3gpp"})),
    "document": (
        100 * MB,
        frozenset(
            {
                "text/plain",
                "application/pdf",
                "application/msword",
                "application/vnd.ms-excel",
                "application/vnd.ms-powerpoint",
                f"{_OOXML}.wordprocessingml.document",
                f"{_OOXML}.spreadsheetml.sheet",
                f"{_OOXML}.presentationml.presentation",
            }
        ),
    ),
}


def family_of(kind: str) -> str:
    """Return the family of a content type, "" for one that isn't taken."""
    return next((family for family, (_, kinds) in FAMILIES.items() if kind in kinds), "")


def parse_form(raw: bytes, content_type: str) -> Document:
    """Return the fields of a multipart form; a file is `{name, type, content}`."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    whole = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + raw)
    if not whole.is_multipart():
        raise ApiError(400, "bad_form", "The body isn't a form.")
    fields: dict[str, Any] = {}
    for part in whole.iter_parts():
        name = str(part.get_param("name", "", header="content-disposition"))
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            continue
        filename = part.get_filename()
        fields[name] = content.decode(errors="replace")
        if filename is not None:
            fields[name] = {"name": filename, "type": part.get_content_type(), "content": content}
    return fields

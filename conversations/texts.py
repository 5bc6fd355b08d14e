"""What may be stored of a text or a JSON document that came from outside; pure rules."""

import json
from collections.abc import Mapping
from typing import Any, Final

from core.errors import Invalid

METADATA_LIMIT: Final = 16_384
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def clean(text: str) -> str:
    """Replace what the database cannot keep (NUL, lone surrogates); a message is never lost to it."""
    whole = text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text
    return whole.replace("\0", _REPLACEMENT)


def checked(text: str, *, limit: int, empty_ok: bool = False) -> str:
    """Return the cleaned text; raises `Invalid` when it is empty or longer than `limit` characters."""
    plain = clean(text)
    if len(plain) > limit:
        raise Invalid(
            f"A message holds at most {limit} characters.",
            code="too_long",
            limit=limit,
            fields={"text": [f"Write at most {limit} characters."]},
        )
    if not plain.strip() and not empty_ok:
        raise Invalid("Write something first.", code="empty", fields={"text": ["There is nothing in it yet."]})
    return plain


def checked_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document as plain cleaned JSON; raises `Invalid` when it is too large or not JSON."""
    try:
        plain = _cleaned(document)
        written = json.dumps(plain, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise Invalid("The metadata is not JSON.", fields={"metadata": ["not JSON"]}) from None
    if len(written) > METADATA_LIMIT:
        raise Invalid("The metadata is too large.", fields={"metadata": ["too large"]})
    return dict(plain)


def _cleaned(node: Any) -> Any:
    if isinstance(node, str):
        return clean(node)
    if isinstance(node, Mapping):
        return {clean(str(key)): _cleaned(child) for key, child in node.items()}
    if isinstance(node, list | tuple):
        return [_cleaned(child) for child in node]
    return node

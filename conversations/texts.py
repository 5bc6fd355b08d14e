"""Clean and validate texts and JSON documents from outside (pure)."""

import json
from collections.abc import Mapping
from typing import Any, Final

from core.errors import Invalid

METADATA_LIMIT: Final = 16_384
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def clean(text: str) -> str:
    """Replace what the database cannot store (NUL, lone surrogates), so that no message is lost."""
    whole = text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text
    return whole.replace("\0", _REPLACEMENT)


def checked(text: str, *, limit: int, empty_ok: bool = False) -> str:
    """Return the cleaned text.

    Raises `Invalid` when it is empty or longer than `limit` characters.
    """
    plain = clean(text)
    if len(plain) > limit:
        raise Invalid(
            f"This text is too long: at most {limit} characters are allowed.",
            code="too_long",
            limit=limit,
            fields={"text": [f"Use at most {limit} characters."]},
        )
    if not plain.strip() and not empty_ok:
        raise Invalid("Write something first.", code="empty", fields={"text": ["Enter a message."]})
    return plain


def checked_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document as plain cleaned JSON.

    Raises `Invalid` when it is too large or not JSON.
    """
    try:
        plain = cleaned(document)
        written = json.dumps(plain, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise Invalid("The metadata is not JSON.", fields={"metadata": ["not JSON"]}) from None
    if len(written) > METADATA_LIMIT:
        raise Invalid("The metadata is too large.", fields={"metadata": ["too large"]})
    return dict(plain)


def cleaned(node: Any) -> Any:
    """Return a JSON document with cleaned texts."""
    if isinstance(node, str):
        return clean(node)
    if isinstance(node, Mapping):
        return {clean(str(key)): cleaned(child) for key, child in node.items()}
    if isinstance(node, list | tuple):
        return [cleaned(child) for child in node]
    return node

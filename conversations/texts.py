"""Clean and validate texts and JSON documents from outside, and fill the gaps of templates (pure)."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from core.errors import Invalid

METADATA_LIMIT: Final = 16_384
# WhatsApp refuses templates of more than 1,024 characters, variables included.
VARIABLE_LIMIT: Final = 700
WORDS_BEFORE: Final = 4
# Keys of a message's metadata: the values of a template's gaps behind the first, which is the message's text, and the
# words of the template it was sent as, gaps and all.
VARIABLES: Final = "template_variables"
SENT_AS: Final = "template_text"
_GAP = re.compile(r"\{\{\s*(\w+)\s*\}\}")
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


def gaps_of(body: str) -> list[str]:
    """Return the names of a template's gaps in order, each once."""
    return list(dict.fromkeys(_GAP.findall(body)))


def with_gaps_filled(body: str, values: Mapping[str, str], *, otherwise: str) -> str:
    """Return a template's text with the values of its gaps."""
    return _GAP.sub(lambda gap: values.get(gap[1], otherwise), body)


def words_before_gap(body: str, name: str) -> str:
    """Return the last words before a template's gap; "" where it begins the text or follows another gap."""
    start = next((gap.start() for gap in _GAP.finditer(body) if gap[1] == name), 0)
    before = re.split(r"[\n}]", body[:start])[-1]
    return " ".join(before.split()[-WORDS_BEFORE:]).strip(" .,:;!?–-")


def as_variable(text: str) -> str:
    """Return a text as the value of a gap: one line, cut to length."""
    line = " ".join(text.split())
    return line if len(line) <= VARIABLE_LIMIT else line[: VARIABLE_LIMIT - 1] + "…"


def shown_text(text: str, metadata: Mapping[str, Any], mask: Callable[[str], str]) -> str:
    """Return what the customer read: the whole template where the message went out as one, else the text.

    `mask` is for the values that metadata keeps; the text is masked already, or may be seen.
    """
    body, more = metadata.get(SENT_AS), metadata.get(VARIABLES)
    if not isinstance(body, str) or not body:
        return text
    values = [text, *(mask(str(value)) for value in (more if isinstance(more, list) else []))]
    filled = dict(zip(gaps_of(body), map(as_variable, values), strict=False))
    return with_gaps_filled(body, filled, otherwise="")

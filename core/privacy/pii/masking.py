"""Readable masks for personal data, in running text and for single values."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from core.privacy.people.finder import find_people
from core.privacy.pii.addresses import MASKED
from core.privacy.pii.finder import find
from core.privacy.pii.folds import fold
from core.privacy.pii.kinds import Kind

ValueKind = Literal["name", "address", "text"] | Kind
_PASSES = 8
_NOT_DIGITS = re.compile(r"[^0-9]")
_AT = re.compile(r"@|[(\[{]\s?(?:at|arroba)\s?[)\]}]|\s(?:at|arroba)\s", re.IGNORECASE)
_DOT = re.compile(r"\.|\s*[(\[{]\s?(?:dot|punto)\s?[)\]}]\s*|\s(?:dot|punto)\s", re.IGNORECASE)


def mask_text(text: str, own: Sequence[str] = (), whole: Sequence[str] = ()) -> str:
    """Replace personal data by masks until none is found, as a mask can join two fragments; idempotent.

    Names and postal addresses are found as far as they can be told. `own` are names that are hidden in any writing:
    those of the people whose conversation the text is from. Those of `whole` are hidden where they stand whole.
    """
    masked = mask_numbers(text)
    for _ in range(_PASSES):
        people = find_people(masked, own, whole)
        if not people:
            return masked
        masked = mask_numbers(_replaced(masked, [(start, end, kind) for start, end, kind in people]))
    for start, end, _kind in reversed(find_people(masked, own, whole)):
        masked = masked[:start] + MASKED + masked[end:]
    return masked


def mask_numbers(text: str) -> str:
    """Replace what `find` finds, and leave names and postal addresses: for the organisation's own texts.

    A shop's street and the people who sign its articles are what its customers ask for.
    """
    for _ in range(_PASSES):
        findings = find(text)
        if not findings:
            return text
        text = _replaced(text, [(each.start, each.end, each.kind) for each in findings])
    # What is still found is masked completely.
    for finding in reversed(find(text)):
        text = text[: finding.start] + MASKED + text[finding.end :]
    return text


def _replaced(text: str, places: Iterable[tuple[int, int, ValueKind]]) -> str:
    """Return the text with a mask for each place."""
    pieces, position = [], 0
    for start, end, kind in places:
        pieces += [text[position:start], mask_value(kind, text[start:end])]
        position = end
    return "".join(pieces) + text[position:]


def mask_value(kind: ValueKind, value: str) -> str:
    """Return the mask of a value of a known kind. An unknown kind is masked completely."""
    if not value:
        return ""
    mask = _MASKS.get(kind)
    return MASKED if mask is None else mask(value)


def _first(word: str) -> str:
    """Return the first letter of a word, if it is long enough."""
    return word[0] + MASKED if len(word) > 2 and word[0].isalnum() else MASKED


def _mask_email(value: str) -> str:
    parts = _AT.split(value.strip(), maxsplit=1)
    if len(parts) != 2:
        return MASKED
    labels = [label for label in _DOT.split(parts[1].strip()) if label]
    ending = labels[-1].strip() if len(labels) > 1 else ""
    shown = f".{ending}" if re.fullmatch(r"[^\W\d_]{2,12}", ending) else ""
    return f"{_first(parts[0].strip())}@{_first(labels[0] if labels else '')}{shown}"


def _mask_phone(value: str) -> str:
    plain = fold(value).text.strip()
    digits = _NOT_DIGITS.sub("", plain)
    if len(digits) < 7:
        return MASKED
    code = _country_code(plain, digits)
    return f"+{code} {MASKED} ••{digits[-2:]}" if code else f"{MASKED} ••{digits[-2:]}"


def _country_code(plain: str, digits: str) -> int | None:
    if not plain.startswith(("+", "00")):
        return None
    import phonenumbers  # noqa: PLC0415  (large, for the first number only)

    try:
        return phonenumbers.parse("+" + (digits if plain[0] == "+" else digits[2:])).country_code
    except phonenumbers.NumberParseException:
        return None


def _mask_iban(value: str) -> str:
    plain = re.sub(r"[^0-9A-Za-z]", "", fold(value).text).upper()
    return f"IBAN {plain[:2]}•• •••• {plain[-4:]}"


def _mask_name(value: str) -> str:
    return " ".join(f"{word[0]}{MASKED}" if word[0].isalpha() else MASKED for word in value.split()) or MASKED


_MASKS: dict[ValueKind, Callable[[str], str]] = {
    "email": _mask_email,
    "phone": _mask_phone,
    "card": lambda value: f"card •••• {_NOT_DIGITS.sub('', fold(value).text)[-4:]}",
    "iban": _mask_iban,
    "ip": lambda _: f"IP {MASKED}",
    "national_id": lambda _: f"national id {MASKED}",
    "name": _mask_name,
    "text": mask_text,
}

"""Normalise contact points, so that equal addresses have equal blind indexes."""

import unicodedata
from typing import Final

from core.errors import Invalid

KINDS: Final = frozenset({"phone", "email", "bsuid", "username", "webchat", "member", "customer"})
LIMIT: Final = 320
COLUMN: Final = "conversations_contactpoint.value"
"""The column that the blind index of a point is bound to."""


def normalise(kind: str, value: str) -> str:
    """Return the value in the form that is compared and stored.

    Raises `Invalid` when nothing is left.
    """
    plain = unicodedata.normalize("NFKC", value).strip()
    if kind == "phone":
        plain = _phone(plain)
    elif kind in ("email", "username"):
        plain = plain.lower()
    if kind not in KINDS or not plain or len(plain) > LIMIT:
        raise Invalid(
            "This isn't an address we can message.", fields={"sender": ["Enter an email address or a phone number."]}
        )
    return plain


def _phone(value: str) -> str:
    import phonenumbers  # noqa: PLC0415  (large, for the first number only)

    number = value.removeprefix("whatsapp:").strip()
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return "".join(sign for sign in number if sign.isdigit() or sign == "+")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)

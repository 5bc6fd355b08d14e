"""Normalise contact points, so that equal addresses have equal blind indexes."""

import re
import unicodedata
from typing import Final

from core.errors import Invalid

KINDS: Final = frozenset({"phone", "email", "bsuid", "username", "webchat", "member", "customer", "typed"})
LIMIT: Final = 320
COLUMN: Final = "conversations_contactpoint.value"
"""The column that the blind index of a point is bound to."""

_TOGETHER: Final = (frozenset({"phone", "bsuid"}), frozenset({"member", "webchat"}))
"""Kinds that name the same account of a person on a channel: what is said from one counts for the others."""
# Mobile numbers that WhatsApp and carriers also write without their extra 9. Landlines of Brazil start with 2 to 5.
_SHORT_BRAZILIAN: Final = re.compile(r"\+55(\d\d)([6-9]\d{7})")
_SHORT_ARGENTINE: Final = re.compile(r"\+54([1-8]\d{9})")


def normalise(kind: str, value: str) -> str:
    """Return the value in the form that is compared and stored.

    Raises `Invalid` when nothing is left.
    """
    plain = unicodedata.normalize("NFKC", value).strip()
    if kind == "phone":
        plain = _phone(plain)
    elif kind in ("email", "username", "typed"):
        plain = plain.lower()
    if kind == "username":
        plain = plain.removeprefix("@")
    if kind not in KINDS or not plain or len(plain) > LIMIT:
        raise Invalid(
            "This isn't an address we can message.", fields={"sender": ["Enter an email address or a phone number."]}
        )
    return plain


def same_channel(kind: str) -> frozenset[str]:
    """Return the kinds of address that share wishes with this kind."""
    return next((kinds for kinds in _TOGETHER if kind in kinds), frozenset({kind}))


def index_form(kind: str, value: str) -> str:
    """Return the form that is compared: equal for all ways to write one address. Raises `Invalid`.

    Not the form that is stored and sent to: a provider wants the number as it gave it.
    """
    plain = normalise(kind, value)
    if kind != "phone":
        return plain
    if short := _SHORT_BRAZILIAN.fullmatch(plain):
        return f"+55{short[1]}9{short[2]}"
    if short := _SHORT_ARGENTINE.fullmatch(plain):
        return f"+549{short[1]}"
    return plain


def _phone(value: str) -> str:
    import phonenumbers  # noqa: PLC0415  (large, for the first number only)

    number = value.removeprefix("whatsapp:").strip()
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return "".join(sign for sign in number if sign.isdigit() or sign == "+")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)

"""What colleagues write down about a contact: a field is one line here, by which it is read, merged and erased."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from conversations import texts
from conversations.models import Contact
from core.errors import Invalid
from core.privacy.erasure.person import NOBODY
from core.privacy.pii import mask_value
from core.privacy.pii.addresses import MASKED
from core.privacy.pii.masking import ValueKind

NAME_LIMIT: Final = 120
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[_-]([a-z]{2}))?(?:[_-].*)?", re.IGNORECASE)
_MASK_AS: Final[Mapping[str, ValueKind]] = {
    "name": "name",
    "username": "name",
    "phone": "phone",
    "email": "email",
    "typed": "email",
}
_IDS: Final = ("webchat", "bsuid", "member", "customer")


@dataclass(frozen=True, slots=True)
class ContactField:
    """A field: its name in services and API, its columns, the one that shows it masked last, and who reads it.

    `read` returns what is stored of a text, and raises `Invalid`; `erased` is what an erasure leaves. The audit log
    has the value of one that `is_code`.
    """

    name: str
    columns: tuple[str, ...]
    read: Callable[[str], str]
    action: str
    erased: str = ""
    is_code: bool = False

    def values(self, value: str) -> dict[str, str]:
        """Return the columns of a value, masked but for the first."""
        shown = masked(self.name, value) if value and len(self.columns) > 1 else value
        return dict(zip(self.columns, (value, shown), strict=False))

    def is_in(self, contact: Contact) -> bool:
        """Return True if a contact has it; nothing is decrypted."""
        return bool(getattr(contact, self.columns[-1]))


def masked(kind: str, value: str) -> str:
    """Return a name or an address as everybody may see it; nothing of a kind that has no mask here."""
    if kind in _IDS:
        return f"…{value[-4:]}"
    return mask_value(_MASK_AS[kind], value)[:80] if kind in _MASK_AS else MASKED


def language_code(language: str) -> str:
    """Return a language as templates name it, such as en or pt_BR; "" for others."""
    found = _LANGUAGE.fullmatch(language.strip()[:16])
    return "" if found is None else found[1].lower() + (f"_{found[2].upper()}" if found[2] else "")


def _read_language(language: str) -> str:
    code = language_code(language)
    if language.strip() and not code:
        raise Invalid("This isn't a language.", fields={"language": ["Use a code such as en, de or pt_BR."]})
    return code


FIELDS: Final = (
    ContactField(
        "name", ("display_name", "masked_name"), lambda text: texts.checked(text, limit=NAME_LIMIT).strip(),
        "CONTACT_NAMED", erased=NOBODY,
    ),
    ContactField("language", ("language",), _read_language, "CONTACT_LANGUAGE_SET", is_code=True),
)  # fmt: skip
COLUMNS: Final = tuple(column for field in FIELDS for column in field.columns)
ERASED: Final = {column: field.erased for field in FIELDS for column in field.columns}

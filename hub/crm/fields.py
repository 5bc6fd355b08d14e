"""What of a contact is exchanged with a CRM: each field's property, its direction, and whose value counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import TextChoices

from conversations.models import Contact
from core.privacy.encryption import blind_index
from integrations.models import ProviderAccount

DIGEST: Final = "hub_crmcontact.digest"
TAKEN: Final[Mapping[str, tuple[str, str]]] = {"name": ("display_name", "CONTACT_NAMED")}
"""What a reading can change: column, and how the audit log names that. Channels alone prove addresses."""


class Direction(TextChoices):
    OUT = "out", "Walker to CRM"
    IN = "in", "CRM to Walker"
    BOTH = "both", "Both ways"


class Owner(TextChoices):
    OURS = "ours", "Walker's"
    THEIRS = "theirs", "The CRM's"
    NEWEST = "newest", "The newest"


@dataclass(frozen=True)
class Rule:
    """How a field is exchanged. The owner counts for both ways: whose value stays where both have one."""

    direction: Direction = Direction.OUT
    owner: Owner = Owner.OURS

    @property
    def is_read(self) -> bool:
        return self.direction != Direction.OUT


DEFAULTS: Final[Mapping[str, Rule]] = {
    "name": Rule(Direction.BOTH, Owner.NEWEST),
    "email": Rule(),
    "phone": Rule(),
    "heat": Rule(),
    "score": Rule(),
}


def ours_of(contact: Contact, name: str) -> str:
    """Return our value of one of `TAKEN`."""
    return str(getattr(contact, TAKEN[name][0]))


def digests_of(connection: ProviderAccount, of: UUID, values: Mapping[str, str]) -> dict[str, str]:
    """Return a digest of each value of a contact, with a key, so that nobody who reads it can try out addresses.

    Others after the connection was made again: nobody knows what is in the account that it reaches then.
    """
    where = f"{of}\n{connection.connected_at}"
    return {name: blind_index(f"{where}\n{name}={value}", column=DIGEST)[:32] for name, value in values.items()}

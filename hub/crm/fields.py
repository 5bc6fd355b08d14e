"""What of a contact is exchanged with a CRM: each field's property, its direction, and whose value counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import TextChoices

from conversations.models import Contact
from core.privacy.encryption import blind_index
from hub.crm.models import CrmContact, CrmSwitch
from integrations.crm.selectors import field_map
from integrations.crm.types import FIELDS
from integrations.crm.types import CrmContact as Told
from integrations.models import ProviderAccount

DIGEST: Final = "hub_crmcontact.digest"
TAKEN: Final[Mapping[str, tuple[str, str]]] = {
    "name": ("display_name", "CONTACT_NAMED"),
    "language": ("language", "CONTACT_LANGUAGE_SET"),
}
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
    """How a field is exchanged: its property and that one's type. The owner counts for both ways."""

    property: str
    direction: str = Direction.OUT
    owner: str = Owner.OURS
    type: str = ""


USUAL: Final[Mapping[str, tuple[str, str]]] = {
    "name": (Direction.BOTH, Owner.NEWEST),
    "email": (Direction.OUT, Owner.OURS),
    "phone": (Direction.OUT, Owner.OURS),
    "heat": (Direction.OUT, Owner.OURS),
    "score": (Direction.OUT, Owner.OURS),
}
Rules = Mapping[str, Rule]


def rules_of(switch: CrmSwitch | None, account: ProviderAccount) -> Rules:
    """Return how each field is exchanged over a connection: as somebody said, or as usual."""
    if switch is not None and switch.field_map:
        said = switch.field_map  # the database keeps it in no order
        return {name: Rule(**said[name]) for name in FIELDS if name in said}
    theirs = field_map(account) or {}
    return {name: Rule(theirs[name], *exchange) for name, exchange in USUAL.items() if name in theirs}


def find_rules(account: ProviderAccount) -> Rules:
    """Return the rules of a connection. One query."""
    return rules_of(CrmSwitch.objects.filter(connection=account).first(), account)


def properties_of(rules: Rules) -> dict[str, str]:
    """Return what each field is called there."""
    return {name: rule.property for name, rule in rules.items()}


def leaving(row: CrmContact, told: Told, rules: Rules) -> Told:
    """Return what is sent of what may leave: where the CRM's value counts, only what is known to be empty there."""
    empty = digests_of(row.connection, row.contact_id, dict.fromkeys(rules, ""))
    kept = [
        name
        for name, rule in rules.items()
        if rule.direction != Direction.IN and (rule.owner != Owner.THEIRS or row.there.get(name) == empty[name])
    ]
    return Told(key=told.key, **{name: getattr(told, name) for name in kept})


def ours_of(contact: Contact, name: str) -> str:
    """Return our value of one of `TAKEN`."""
    return str(getattr(contact, TAKEN[name][0]))


def digests_of(connection: ProviderAccount, of: UUID, values: Mapping[str, str]) -> dict[str, str]:
    """Return a digest of each value of a contact, with a key, so that nobody who reads it can try out addresses.

    Others after the connection was made again: nobody knows what is in the account that it reaches then.
    """
    where = f"{of}\n{connection.connected_at}"
    return {name: blind_index(f"{where}\n{name}={value}", column=DIGEST)[:32] for name, value in values.items()}

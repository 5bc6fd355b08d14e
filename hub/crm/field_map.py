"""The field map of a connection: what somebody said about each field, and what of it the CRM can't do."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from core.actors import Actor
from core.audit import chain
from core.clock import now
from core.db.rows import get_row
from core.errors import Conflict, Invalid
from core.reliability.rate_limit import limit_per_hour
from hub.crm.cursors import find_cursor
from hub.crm.fields import TAKEN, Direction, Owner, Rule
from hub.crm.models import GONE, CrmContact, CrmSwitch, due_from
from hub.crm.poller import STREAM
from hub.crm.switches import MANAGE, MISSING, OBJECT, TRIES_PER_HOUR
from hub.crm.words import AWAY
from integrations.crm.selectors import field_map
from integrations.crm.services import find_property
from integrations.crm.types import FIELDS, CrmProperty
from integrations.models import ProviderAccount
from integrations.sync import services as sync

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
TYPES: Final[Mapping[str, tuple[str, ...]]] = {"score": ("number", "text"), "heat": ("text", "choice")}
"""The types that fit a field; text for all others. A language that is only read may be a choice, too."""
HEATS: Final = frozenset({"hot", "warm", "cold"})


def save_field_map(*, actor: Actor, connection_id: UUID, fields: Mapping[str, Mapping[str, str]]) -> None:
    """Exchange these fields, and no others, with a CRM, which is asked about each property (outside calls).

    `fields` has `property`, `direction` and `owner` of some of `FIELDS`. Contacts are sent and read again as a whole.
    Needs `MANAGE`. Raises `NotFound`, `Conflict` ("no_crm"), `Invalid` with the field's property, `Unavailable` and
    `TooMany`. Writes `CRM_FIELD_MAP_CHANGED`.
    """
    actor.require(MANAGE)
    account: ProviderAccount = get_row(ProviderAccount, connection_id, MISSING)
    usual = field_map(account)
    if usual is None:
        raise Conflict("This system takes no contacts.", code="no_crm")
    rules = {name: Rule(**said) for name, said in fields.items()}
    if not rules:
        raise Invalid("Name at least one property. To send nothing, stop sending.")
    taken = Counter([usual["key"], *(rule.property for rule in rules.values())])
    refuse({name: why_impossible(name, rule, taken[rule.property]) for name, rule in rules.items()})
    limit_per_hour(f"crm-start:{account.pk}", limit=TRIES_PER_HOUR, sentence="That was tried often. Wait an hour.")
    found = {name: find_property(account, rule.property) for name, rule in rules.items()}
    refuse({name: why_unfit(name, rule, found[name]) for name, rule in rules.items()})
    kept = {
        name: {"property": rule.property, "direction": rule.direction, "owner": rule.owner, "type": known.type}
        for name, rule in rules.items()
        if (known := found[name])
    }
    with transaction.atomic():
        switch, _ = CrmSwitch.objects.select_for_update().get_or_create(
            connection=account, defaults={"changed_at": now()}
        )
        switch.field_map = kept
        switch.save(update_fields=["field_map"])
        if find_cursor(account.pk) is not None:  # before the rows, as a reading does
            sync.restart(account, STREAM)
        rows = CrmContact.objects.filter(connection=account).exclude(Q(state__in=GONE) | Q(problem__in=AWAY))
        # A worker that writes by the old map keeps nothing of it.
        unknown: dict[str, Any] = {"digest": "", "there": {}, "overruled": {}}
        unknown |= {"lease_until": None, "fence": F("fence") + 1}
        rows.update(**due_from(now() if switch.sends_contacts else None), **unknown)
        facts = {name: f"{rule.direction}:{rule.owner}:{rule.property}" for name, rule in rules.items()}
        chain.record(actor, "CRM_FIELD_MAP_CHANGED", OBJECT, account.pk, facts=facts)


def refuse(problems: Mapping[str, str]) -> None:
    """Raise `Invalid` with the problems of fields, if there are any."""
    if said := {f"{name}_property": [words] for name, words in problems.items() if words}:
        raise Invalid("The field map can't be used as it is.", fields=said)


def why_impossible(name: str, rule: Rule, times: int) -> str:
    """Return why a rule can't be followed at any CRM; "" if it can."""
    if name not in FIELDS or name == "key":
        return "Walker has no such field."
    if not NAME.fullmatch(rule.property):
        return "Use the property's internal name: letters, digits and underscores."
    if times > 1:
        return "Another field has this property already."
    if rule.direction not in Direction.values or rule.owner not in Owner.values:
        return "Choose a direction and whose value counts."
    if name not in TAKEN and (rule.direction, rule.owner) != (Direction.OUT, Owner.OURS):
        return "Walker doesn't take this from a CRM. Choose Walker to CRM."
    return ""


def why_unfit(name: str, rule: Rule, theirs: CrmProperty | None) -> str:
    """Return why a property can't hold a field; "" if it can."""
    if theirs is None:
        return "Contacts there have no property with this internal name, or it is a sensitive one."
    if theirs.is_sensitive:
        return "This property is marked as sensitive there. Choose another one."
    if theirs.is_read_only and rule.direction != Direction.IN:
        return "This property can't be written there. Choose CRM to Walker, or another property."
    fitting = TYPES.get(name, ("text",))
    if theirs.type not in fitting and not (name == "language" and rule.direction == Direction.IN):
        return f"This property is a {theirs.type}, but this field needs a {' or a '.join(fitting)}."
    if name == "heat" and theirs.type == "choice" and not theirs.options >= HEATS:
        return "This choice there lacks an option: it needs hot, warm and cold."
    return ""

"""Make, change and delete custom fields."""

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from accounts.versioning import lock_version, unique
from conversations.custom_fields import patterns
from conversations.custom_fields.facts import fact_name
from conversations.custom_fields.selectors import index_of
from conversations.custom_fields.values import LOCK, MOST
from conversations.models import CustomField, CustomValue, TriageRule
from conversations.registry import rule_with_field
from core.actors import Actor
from core.audit import chain
from core.db.locks import advisory_lock
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid
from core.text.clean import text_problem
from hitl.models import ApprovalWorkflow, ComplianceFlag

MANAGE: Final = "conversations.manage_desk"
MISSING: Final = "This custom field doesn't exist."
CANT: Final = "This custom field can't be saved."
MOST_OPTIONS: Final = 100
_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,29}")


@dataclass(frozen=True, slots=True)
class FieldSettings:
    """What can be changed of a custom field: how it is called, and which values it takes."""

    name: str
    options: Sequence[str] = ()
    pattern: str = ""
    hint: str = ""
    required_on_close: bool = False
    agents_read: bool = False


def create_custom_field(
    *, actor: Actor, subject: str, key: str, kind: str, settings: FieldSettings, is_personal: bool = False
) -> CustomField:
    """Create a custom field.

    Its subject, key and kind stay, and whether it is personal. Needs `conversations.manage_desk`. Raises `Refused`,
    `Invalid` with the fields, and `Conflict` ("exists"). Writes `CUSTOM_FIELD_CREATED`.
    """
    actor.require(MANAGE)
    wrong: dict[str, list[str]] = {}
    if subject not in CustomField.Subject.values:
        wrong["subject"] = ["Choose contacts or conversations."]
    if kind not in CustomField.Kind.values:
        wrong["kind"] = ["Choose a kind."]
    if not _KEY.fullmatch(key):
        wrong["key"] = ["Use up to 30 small letters, digits and _, such as order_number."]
    values = _checked(settings, kind, wrong)
    with _unique(actor, key=key, subject=subject, name=values["name"]):
        advisory_lock(LOCK)
        if CustomField.objects.count() >= MOST:
            raise Invalid(f"There can be at most {MOST} custom fields.")
        row: CustomField = CustomField.objects.create(
            subject=subject, key=key, kind=kind, is_personal=is_personal, **values
        )
        chain.note(
            actor, "CUSTOM_FIELD_CREATED", row, personal=is_personal, required=row.required_on_close,
            agents_read=row.agents_read,
        )  # fmt: skip
    return row


def revise_custom_field(
    *, actor: Actor, field_id: UUID, settings: FieldSettings, seen_version: int | None = None
) -> CustomField:
    """Change a custom field. Values that are there stay; the next ones have to fit.

    Needs `conversations.manage_desk`. Raises `Refused`, `NotFound`, `Invalid` with the fields, and `Conflict`
    ("exists", "stale_version", "in_use" for an option that is chosen somewhere). Writes `CUSTOM_FIELD_REVISED`.
    """
    actor.require(MANAGE)
    known = get_or_missing(CustomField.objects.filter(pk=field_id), MISSING)
    values = _checked(settings, known.kind, {})
    with _unique(actor, key=known.key, subject=known.subject, name=values["name"]):
        advisory_lock(LOCK)
        row = lock_version(actor, CustomField, field_id, seen_version, MISSING)
        gone = [option for option in row.options if option not in values["options"]]
        # Personal ones have no digest to find them by: of these, any value counts.
        chosen = [index_of(row, option) for option in gone]
        if chosen and CustomValue.objects.filter(field=row, value_index__in=chosen).exists():
            raise Conflict(f"One of these is chosen somewhere: {', '.join(gone[:20])}. Keep it.", code="in_use")
        CustomField.objects.filter(pk=row.pk).update(**values, version=row.version + 1)
        row.refresh_from_db()
        chain.note(actor, "CUSTOM_FIELD_REVISED", row, required=row.required_on_close, agents_read=row.agents_read)
    return row


def delete_custom_field(*, actor: Actor, field_id: UUID, seen_version: int | None = None) -> None:
    """Delete a custom field with all of its values.

    Needs `conversations.manage_desk`. Raises `Refused`, `NotFound`, and `Conflict` ("stale_version", "in_use" by a
    rule or a workflow). Writes `CUSTOM_FIELD_DELETED`, with how many values went.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        advisory_lock(LOCK)
        row = lock_version(actor, CustomField, field_id, seen_version, MISSING)
        fact = fact_name(row)
        if rule := triage_rule_with(fact) or approval_rule_with(fact) or rule_with_field(fact):
            raise Conflict(f"The {rule} looks at this field. Change it first.", code="in_use")
        count = CustomValue.objects.filter(field=row).delete()[0]
        chain.note(actor, "CUSTOM_FIELD_DELETED", row, values=count)
        row.delete()


def triage_rule_with(fact: str) -> str:
    """Return a triage rule that looks at a custom field, in words; "" if none does."""
    rules = TriageRule.objects.filter(condition__regex=rf"\m{fact}\M").order_by("position", "id")
    return f"triage rule “{rule}”" if (rule := rules.first()) else ""


def approval_rule_with(fact: str) -> str:
    """Return a workflow or a flag whose condition looks at a custom field, in words; "" if none does."""
    names = re.compile(rf"\b{fact}\b")  # here: the conditions of rules stand in JSON, and workflows are few
    for workflow in ApprovalWorkflow.objects.filter(is_active=True).order_by("name", "pk"):
        if any(names.search(text) for text in workflow.condition_texts):
            return f"workflow “{workflow.name}”"
    for flag in ComplianceFlag.objects.filter(is_active=True).order_by("label", "pk"):
        if names.search(flag.condition):
            return f"compliance flag “{flag.label}”"
    return ""


def _checked(settings: FieldSettings, kind: str, wrong: dict[str, list[str]]) -> dict[str, Any]:
    """Return the columns of what somebody wants to save. Raises `Invalid`, with what is known to be `wrong` already."""
    name = " ".join(settings.name.split())
    options = [option for text in settings.options if (option := " ".join(text.split()))]
    if problem := text_problem(name, 60, needed=True):
        wrong["name"] = [problem]
    if problem := text_problem(settings.hint, 200):
        wrong["hint"] = [problem]
    if kind == CustomField.Kind.LIST:
        problems = [problem for option in options if (problem := text_problem(option, 80))]
        if problems or not 0 < len(options) <= MOST_OPTIONS:
            wrong["options"] = problems[:1] or [f"Enter 1 to {MOST_OPTIONS} values."]
        elif len({option.casefold() for option in options}) < len(options):
            wrong["options"] = ["A value is there twice."]
    elif options:
        wrong["options"] = ["Only a list has values to choose from."]
    if settings.pattern and kind != CustomField.Kind.TEXT:
        wrong["pattern"] = ["Only a text has a pattern."]
    elif problem := text_problem(settings.pattern, patterns.LONGEST):
        wrong["pattern"] = [problem]
    elif settings.pattern:
        try:
            patterns.parse(settings.pattern)
        except patterns.BadPattern as error:
            wrong["pattern"] = [str(error)]
    if wrong:
        raise Invalid(CANT, fields=wrong)
    return {**asdict(settings), "name": name, "options": options, "hint": settings.hint.strip()}


def _unique(actor: Actor, *, key: str, subject: str, name: str) -> AbstractContextManager[None]:
    same_name = CustomField.objects.filter(subject=subject, name__iexact=name)
    rows = CustomField.objects.filter(key=key) | same_name
    return unique(actor, rows, "There is a custom field with this key or name.")

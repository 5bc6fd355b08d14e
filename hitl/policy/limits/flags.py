"""Create, change and retire compliance flags: marks that rules and people put on requests."""

import re
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from accounts.versioning import unique
from core.actors import Actor
from core.db.locks import locked
from core.errors import Invalid
from core.text.clean import clean_text
from hitl.actions import own_fields
from hitl.models import ComplianceFlag
from hitl.policy.versions import change_locked
from hitl.seals import rules

MANAGE: Final = "hitl.manage_workflow"
NAME_IN_USE: Final = "A flag with this name already exists."
RESERVED: Final = frozenset({"override", "override_reviewed"})
"""Set by an emergency approval and its review, and by nothing else."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,39}", re.ASCII)


def create_flag(*, actor: Actor, name: str, label: str, condition: str = "") -> ComplianceFlag:
    """Create a compliance flag for requests.

    With a condition, every new or changed request that meets it gets the flag. Who may: holders of
    `hitl.manage_workflow`. Raises Refused, Invalid, Conflict for a name in use.
    """
    actor.require(MANAGE)
    wanted = name.strip()
    if not _NAME.fullmatch(wanted) or wanted in RESERVED:
        say = "Use 2 to 40 small letters, digits and underscores, such as politically_exposed."
        say = "This name is kept for emergency approvals." if wanted in RESERVED else say
        raise Invalid("Choose another name.", fields={"name": [say]})
    values = _checked(label, condition)
    with unique(actor, ComplianceFlag.objects.filter(name=wanted, is_active=True), NAME_IN_USE):
        rules.lock_intact(actor)
        flag: ComplianceFlag = ComplianceFlag.objects.create(name=wanted, **values)
        _audit(actor, "COMPLIANCE_FLAG_CREATED", flag)
    return flag


def revise_flag(
    *, actor: Actor, flag_id: UUID, label: str, condition: str = "", seen_version: int | None = None
) -> ComplianceFlag:
    """Change a flag's label and condition, for new and changed requests.

    Who may: holders of `hitl.manage_workflow`. `seen_version` is the version the change is based on. Raises
    Refused, NotFound, Invalid, Conflict (`stale_version`).
    """
    actor.require(MANAGE)
    return _change(actor, flag_id, seen_version, "COMPLIANCE_FLAG_REVISED", **_checked(label, condition))


def retire_flag(*, actor: Actor, flag_id: UUID, seen_version: int | None = None) -> None:
    """Retire a flag, so that it is set no more.

    It stays on the requests that have it until people clear it. Who may: holders of `hitl.manage_workflow`. Raises
    Refused, NotFound, Conflict (`stale_version`).
    """
    actor.require(MANAGE)
    _change(actor, flag_id, seen_version, "COMPLIANCE_FLAG_RETIRED", is_active=False)


def _change(actor: Actor, flag_id: UUID, seen: int | None, action: str, **values: Any) -> ComplianceFlag:
    with transaction.atomic():
        rules.lock_intact(actor, *([] if "is_active" in values else [(ComplianceFlag, flag_id)]))
        flag = locked(ComplianceFlag, flag_id, "This flag doesn't exist.", is_active=True)
        change_locked(actor, flag, seen, **values)
        _audit(actor, action, flag)
    return flag


def label_flags() -> dict[str, str]:
    """Return the labels of all flags by name, retired ones too. One query."""
    rows = ComplianceFlag.objects.order_by("is_active", "created_at")
    return dict(rows.values_list("name", "label"))


def _checked(label: str, condition: str) -> dict[str, Any]:
    said, rule = clean_text(label, 60), condition.strip()
    if not said:
        raise Invalid("Enter a label.", fields={"label": ["Enter a label, as people read it."]})
    if len(rule) > 500:
        raise Invalid("The condition is too long.", fields={"condition": ["Use at most 500 characters."]})
    if rule and (problem := own_fields.problem_of(rule)):
        raise Invalid("The condition can't be read.", fields={"condition": [problem]})
    return {"label": said, "condition": rule}


def _audit(actor: Actor, action: str, flag: ComplianceFlag) -> None:
    state, rule = "active" if flag.is_active else "retired", bool(flag.condition)
    rules.note(actor, action, flag, new_state=state, version=flag.version, name=flag.name, has_condition=rule)

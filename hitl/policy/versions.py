"""What all definitions have in common: where they are used, and a new version with each change."""

from typing import Any, TypeVar

from django.db import transaction
from django.db.models import QuerySet

from accounts.versioning import check_version, conflict_with
from core.actors import Actor
from core.tenancy.models import TenantModel
from core.text.clean import clean_text
from hitl.models import ApprovalLevel, ApprovalWorkflow
from hitl.seals import rules

V = TypeVar("V", bound=TenantModel)


def change_locked(actor: Actor, row: Any, seen: int | None, **values: Any) -> None:
    """Change a locked row as its next version. Raises Conflict (`stale_version`)."""
    check_version(actor, row._meta.label_lower, row, seen)
    type(row).objects.filter(pk=row.pk).update(version=row.version + 1, **values)
    row.refresh_from_db()


def refuse_used(actor: Actor, levels: QuerySet[ApprovalLevel], say: str) -> None:
    """Raise Conflict (`in_use`) with the names of the workflows that have these levels, if any."""
    users = list(ApprovalWorkflow.objects.filter(pk__in=levels.values("workflow_id")).order_by("name")[:5])
    if users:
        named = say.format(", ".join(row.name for row in users))
        raise conflict_with(named, code="in_use", actor=actor, object_type="hitl.approvalworkflow", row=users[0])


def save_version(
    actor: Actor, model: type[V], action: str, *, reason: str, seen: int | None, told: dict[str, Any], **values: Any
) -> V:
    """Save the next version of a definition whose versions never change, and audit it with what is `told`.

    Raises Conflict (`stale_version`).
    """
    label = model._meta.label_lower
    with transaction.atomic():
        rules.lock_intact(actor)
        last = model.objects.order_by("-version").first()
        if last is not None:
            check_version(actor, label, last, seen)
        row: V = model.objects.create(
            version=last.version + 1 if last else 1,
            reason=clean_text(reason, 300),
            made_by_id=actor.user_id,
            **values,
        )
        rules.note(actor, action, row, version=row.version, **told)  # type: ignore[attr-defined]
    return row

"""Find who changed something last and when, for conflict messages. Read from the audit log; only staff see names."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from accounts.models import User
from core.actors import Actor
from core.audit import chain
from core.models import AuditEntry
from core.tenancy.scope import current_tenant_id


class Doer(NamedTuple):
    """Who did something, as its row keeps it: a person by id, or a name that needs no look-up, and the role then."""

    person_id: UUID | None
    name: str
    role: str


def labels_of(viewer: Actor, doers: Sequence[Doer]) -> list[str]:
    """Return for each "you", the person's name if the viewer may see it, or the role. At most one query."""
    names: dict[UUID, str] = {}
    others = {doer.person_id for doer in doers if doer.person_id and doer.person_id != viewer.user_id}
    if others and viewer.may("hitl.view_approval"):
        memberships = {"memberships__tenant_id": current_tenant_id(), "memberships__erased_at": None}
        names = {user.pk: user.get_full_name() for user in User.objects.filter(pk__in=others, **memberships)}

    def label(doer: Doer) -> str:
        if doer.person_id is None:
            return doer.name
        return "you" if doer.person_id == viewer.user_id else names.get(doer.person_id) or doer.role or "a colleague"

    return [label(doer) for doer in doers]


def label_of(viewer: Actor, person_id: UUID | None, name: str, role: str) -> str:
    """Return "you", the person's name if the viewer may see it, or the role. At most one query."""
    return labels_of(viewer, [Doer(person_id, name, role)])[0]


def last_change(actor: Actor, object_type: str, key: UUID, *, of: Collection[str] = ()) -> dict[str, Any]:
    """Return who made the last change (or the last one of the actions `of`), and when. Two queries."""
    last = chain.last_of(object_type, key, (lambda entry: entry.action in of) if of else None)
    return {} if last is None else describe_entry("changed", actor, last)


def describe_entry(prefix: str, viewer: Actor, entry: AuditEntry) -> dict[str, Any]:
    """Return `<prefix>_by`, `<prefix>_role` and `<prefix>_at` of an audit entry. At most one query."""
    label = label_of(viewer, entry.actor_user_id, entry.actor_name, entry.role)
    return {f"{prefix}_by": label, f"{prefix}_role": entry.role, f"{prefix}_at": entry.at.isoformat()}

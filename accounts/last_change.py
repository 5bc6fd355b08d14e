"""Find who changed something last and when, for conflict messages.

Read from the audit log; only staff see names.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from accounts.models import User
from core.actors import Actor
from core.audit import chain
from core.models import AuditEntry
from core.tenancy.scope import current_tenant_id


def label_of(viewer: Actor, person_id: UUID | None, name: str, role: str) -> str:
    """Return "you", the person's name if the viewer may see it, or the role. At most one query."""
    if person_id is None:
        return name
    if person_id == viewer.user_id:
        return "you"
    full_name = ""
    if viewer.may("hitl.view_approval"):
        memberships = {"memberships__tenant_id": current_tenant_id(), "memberships__erased_at": None}
        user = User.objects.filter(pk=person_id, **memberships).first()
        full_name = user.get_full_name() if user else ""
    return full_name or role or "a colleague"


def last_change(actor: Actor, object_type: str, key: UUID, *, of: Collection[str] = ()) -> dict[str, Any]:
    """Return who made the last change (or the last one of the actions `of`), and when. Two queries."""
    last = chain.last_of(object_type, key, (lambda entry: entry.action in of) if of else None)
    return {} if last is None else describe_entry("changed", actor, last)


def describe_entry(prefix: str, viewer: Actor, entry: AuditEntry) -> dict[str, Any]:
    """Return `<prefix>_by`, `<prefix>_role` and `<prefix>_at` of an audit entry. At most one query."""
    label = label_of(viewer, entry.actor_user_id, entry.actor_name, entry.role)
    return {f"{prefix}_by": label, f"{prefix}_role": entry.role, f"{prefix}_at": entry.at.isoformat()}

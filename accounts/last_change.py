"""Who did something last, and when, as whoever came too late is told: from the audit, with names only for staff."""

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
    """Return who it was: "you", the name where the viewer may see it, else the role. At most one query."""
    if person_id is None:
        return name
    if person_id == viewer.user_id:
        return "you"
    known = ""
    if viewer.may("hitl.view_approval"):
        seats = {"memberships__tenant_id": current_tenant_id(), "memberships__erased_at": None}
        user = User.objects.filter(pk=person_id, **seats).first()
        known = user.get_full_name() if user else ""
    return known or role or "a colleague"


def last_change(actor: Actor, object_type: str, key: UUID, *, of: Collection[str] = ()) -> dict[str, Any]:
    """Return who changed something last, or did one of these actions (`of`), and when. Two queries."""
    last = chain.last_of(object_type, key, (lambda entry: entry.action in of) if of else None)
    return {} if last is None else told("changed", actor, last)


def told(word: str, viewer: Actor, entry: AuditEntry) -> dict[str, Any]:
    """Return who made an entry, in what role and when, under names that begin with a word. At most one query."""
    who = label_of(viewer, entry.actor_user_id, entry.actor_name, entry.role)
    return {f"{word}_by": who, f"{word}_role": entry.role, f"{word}_at": entry.at.isoformat()}

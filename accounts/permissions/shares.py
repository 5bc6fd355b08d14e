"""What is shared with somebody: rights on single objects, beside those that their role gives."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, F, Func, Q, QuerySet

from accounts.models import Share
from accounts.permissions.team_scope import teams_joined
from core.actors import Actor
from core.clock import now as clock_now
from core.tenancy.models import TenantModel

SEE: Final = Share.Level.SEE.value
ACT: Final = Share.Level.ACT.value
CONVERSATION: Final = Share.Kind.CONVERSATION.value
APPROVAL: Final = Share.Kind.APPROVAL.value
CONTACT: Final = Share.Kind.CONTACT.value
AGENT: Final = Share.Kind.AGENT.value
KINDS: Final = {
    "conversations.conversation": CONVERSATION,
    "hitl.approval": APPROVAL,
    "conversations.contact": CONTACT,
    "agents.agent": AGENT,
}
GIVES: Final = {
    CONVERSATION: ("conversations.view_conversation", "conversations.reply_conversation"),
    APPROVAL: ("hitl.view_approval", "hitl.cancel_approval"),
    CONTACT: ("conversations.view_contact", "conversations.reply_conversation"),
    AGENT: ("agents.view_agent", "agents.change_agent"),
}
"""The permissions that a share lends on its object: the first to see it, all to act. None makes an approver."""


def lent_by(kind: str, level: str) -> tuple[str, ...]:
    """Return the permissions that a share of a kind lends on its object."""
    names = GIVES.get(kind, ())
    return names if level == ACT else names[:1]


def live(now: datetime | None = None) -> Q:
    """Return the condition for shares that haven't ended."""
    return Q(ends_at=None) | Q(ends_at__gt=now or clock_now())


def shares_of(user_id: UUID | None, role: str) -> QuerySet[Share]:
    """Return what others share now with a person, their role or a team of theirs.

    What they share with their own role or team gives them nothing: it would outlive what their role lets them see.
    """
    if user_id is None:
        return Share.objects.none()
    theirs = Q(user_id=user_id) | Q(team_id__in=teams_joined([user_id]).values("team_id"))
    return Share.objects.filter(live(), theirs | Q(role=role) if role else theirs).exclude(shared_by_id=user_id)


def reader_of(user_id: UUID, role: str) -> Callable[[], frozenset[str]]:
    """Return what reads, once, which permissions shares lend a person, each as `kind:permission`; for actors."""

    @cache
    def read() -> frozenset[str]:
        found = shares_of(user_id, role).order_by().values_list("kind", "level").distinct()
        return frozenset(f"{kind}:{name}" for kind, level in found for name in lent_by(kind, level))

    return read


def shared_ids(viewer: Actor, kind: str, permission: str) -> QuerySet[Any]:
    """Return the ids of the objects on which shares lend a person a permission, for a condition. No query.

    A key needs the permission as a scope.
    """
    is_person = viewer.kind == "user" and viewer.names(permission)
    levels = [level for level in (SEE, ACT) if permission in lent_by(kind, level)]
    rows = shares_of(viewer.user_id if is_person else None, viewer.role)
    return rows.filter(kind=kind, level__in=levels).values("object_id")


def shared(viewer: Actor, kind: str, permission: str, *, place: str = "pk") -> Q:
    """Return the condition for the objects on which shares lend a person a permission. No query.

    `place` leads to the object's id. Their ids are an array: so an index finds them, also beside other conditions.
    """
    rows = shared_ids(viewer, kind, permission)
    if rows.query.is_empty():
        return Q(pk__in=[])
    ids = Func(ArraySubquery(rows), function="ANY")
    return Q(Func(F(place), ids, template="%(expressions)s", arg_joiner=" = ", output_field=BooleanField()))


def within(viewer: Actor, kind: str, permission: str, *, place: str = "pk") -> Q:
    """Return the condition for what a viewer has a right on: all by their role, else what is shared with them.

    `place` leads to the object's id. No query.
    """
    return Q() if viewer.may(permission) else shared(viewer, kind, permission, place=place)


def may_some(viewer: Actor, kind: str, permission: str) -> bool:
    """Return True if role or share gives a right on at least one object of a kind. At most one query."""
    return viewer.may(permission) or viewer.has_share(kind, permission)


def require(viewer: Actor, kind: str, permission: str) -> None:
    """Raise `Refused` for who has neither the permission nor anything of this kind shared. At most one query."""
    if not may_some(viewer, kind, permission):
        viewer.require(permission)


def given(viewer: Actor, obj: TenantModel) -> frozenset[str]:
    """Return the permissions on one object that shares lend a person. At most two queries."""
    kind = KINDS.get(obj._meta.label_lower, "")
    if not any(viewer.has_share(kind, permission) for permission in GIVES.get(kind, ())):
        return frozenset()
    levels = shares_of(viewer.user_id, viewer.role).filter(kind=kind, object_id=obj.pk).values_list("level", flat=True)
    return frozenset(name for level in levels for name in lent_by(kind, level) if viewer.names(name))


def seen_by_people(people: Mapping[UUID, str], object_ids: Collection[UUID]) -> set[tuple[UUID, UUID]]:
    """Return which of some people, with their roles, are shared which of some objects now. At most two queries."""
    named = Share.objects.filter(live(), kind__in=list(GIVES), object_id__in=object_ids)  # by the index
    rows = list(named.values_list("object_id", "shared_by_id", "user_id", "role", "team_id"))
    has_teams = any(team_id for *_, team_id in rows)
    in_teams = set(teams_joined(people).values_list("user_id", "team_id")) if has_teams else set()
    return {
        (person, object_id)
        for object_id, sharer, user_id, role, team_id in rows
        for person, own in people.items()
        if person != sharer and (user_id == person or (role and role == own) or (person, team_id) in in_teams)
    }

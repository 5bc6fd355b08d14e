"""Share single objects with a role, a team or a person, end that, and read what is shared."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Membership, Role, Share
from accounts.permissions.roles import OWN, role_choices
from accounts.permissions.shares import ACT, GIVES, KINDS, SEE, live, may_some, shares_of
from accounts.permissions.team_scope import team_ids, team_names
from accounts.selectors import is_active_member, names_of
from core import notices
from core.actors import Actor, system
from core.audit import chain
from core.audit.chain import Fact
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Conflict, NotFound, Refused, check_fields
from core.privacy import pii
from core.registry import Registry
from core.retention import remove
from core.tenancy.scope import platform_scope
from core.text.clean import text_problem

SHARE: Final = "accounts.share_objects"
SHOWN: Final = "accounts.use_notices"
"""What reading the things that are shared with oneself needs: all roles have it."""
NOTICE: Final = "accounts.shares"
MISSING: Final = "There is nothing here that you can share."
NO_SHARE: Final = "There is no such share."
LONGEST: Final = 300
LABELS: Final = {kind: label for label, kind in KINDS.items()}
SWEEPER: Final = system("shares")

notices.register_kind(NOTICE, "Shared with you", "link")


class Shareable(ABC):
    """A kind of object that can be shared, registered by its app under its name of `Share.Kind`."""

    acts: ClassVar[str]
    """What acting allows, as people read it."""

    @classmethod
    @abstractmethod
    def held(cls, viewer: Actor) -> QuerySet[Any]:
        """Return the objects that somebody who may view some sees by their role alone, without erased ones."""

    @classmethod
    @abstractmethod
    def titles(cls, viewer: Actor, ids: Collection[UUID]) -> dict[UUID, str]:
        """Return names, without personal data, of those of some objects that a viewer sees. One query."""

    @classmethod
    @abstractmethod
    def page(cls, object_id: UUID) -> str:
        """Return the path of the object's page in the console."""


SHAREABLES: Final[Registry[Shareable]] = Registry(Shareable, name="thing to share")  # type: ignore[type-abstract]


@dataclass(frozen=True, slots=True)
class Grantee:
    """Who gets a share: a role by its key, a team or a person; one of them."""

    role: str = ""
    team_id: UUID | None = None
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A share with what people read of it."""

    share: Share
    title: str
    url: str


def share(
    *,
    actor: Actor,
    kind: str,
    object_id: UUID,
    grantee: Grantee,
    level: str,
    reason: str,
    ends_at: datetime | None = None,
) -> Share:
    """Let a role, a team or a person see one object, or act on it, until a moment or until the share is ended.

    The same again changes nothing. Needs `accounts.share_objects` and a person, who has by their role what they give,
    on this object: what is only shared with them they can't share. A person who gets it has a notice. Raises `Refused`
    ("shared_only", "level_above_yours"), `NotFound` for what they don't see and what was erased, `Invalid`, and
    `Conflict` ("already_shared") where the same grantee has it in another way. Writes `OBJECT_SHARED`.
    """
    actor.require(SHARE)
    sharer, moment = actor.require_person("Only people can share."), clock_now()
    words = pii.mask_text(" ".join(reason.split()))[:LONGEST]
    problems = problems_of(actor, kind, level, grantee, ends_at, moment)
    check_fields({**problems, "reason": text_problem(reason, LONGEST, needed=True)})
    wanted = {"kind": kind, "object_id": object_id, "role": grantee.role, "team_id": grantee.team_id}
    wanted["user_id"] = grantee.user_id
    how = {"level": level, "ends_at": ends_at, "reason": words}
    with transaction.atomic():
        _lock(actor, kind, object_id, level)
        Share.objects.filter(~live(moment), **wanted).delete()
        # Of two at once the later one waits, and finds the first.
        row: Share
        values = {**how, "shared_by_id": sharer, "created_at": moment}
        row, is_new = Share.objects.get_or_create(**wanted, defaults=values)
        if not is_new:
            if any(getattr(row, name) != value for name, value in how.items()):
                raise Conflict(
                    "They have this already. End that share first.", code="already_shared", share=str(row.pk)
                )
            return row
        if grantee.user_id is not None:
            notices.leave(
                people=[grantee.user_id],
                kind=NOTICE,
                title=f"{Share.Kind(kind).label} shared with you",
                body="You can see it and act on it." if level == ACT else "You can see it.",
                link=SHAREABLES.get(kind).page(object_id),
                dedupe_key=f"share:{row.pk}",
                now=moment,
            )
        chain.record_all([_fact(actor, "OBJECT_SHARED", row)])
    return row


def end_share(*, actor: Actor, share_id: UUID) -> None:
    """End a share: it allows nothing from the next request on.

    Needs `accounts.share_objects`, and to see by one's role what is shared. Raises `Refused` and `NotFound`. Writes
    `OBJECT_SHARE_ENDED`.
    """
    actor.require(SHARE)
    with transaction.atomic():
        row = get_or_missing(_of_sharer(actor).select_for_update(of=("self",)).filter(pk=share_id), NO_SHARE)
        fact = _fact(actor, "OBJECT_SHARE_ENDED", row)
        row.delete()
        chain.record_all([fact])


def list_shares(*, viewer: Actor, kind: str = "", object_id: UUID | None = None) -> QuerySet[Share]:
    """Return the shares, that haven't ended, of objects that a viewer sees by their role, the newest first.

    Needs `accounts.share_objects`.
    """
    viewer.require(SHARE)
    rows = _of_sharer(viewer).filter(live())
    rows = rows.filter(kind=kind) if kind else rows
    rows = rows.filter(object_id=object_id) if object_id else rows
    return rows.select_related("user", "shared_by").order_by("-id")


def query_shared_with(*, viewer: Actor) -> QuerySet[Share]:
    """Return what is shared with a person now and still there, by kind. Needs `accounts.use_notices`."""
    viewer.require(SHOWN)
    rows = shares_of(viewer.user_id if viewer.kind == "user" else None, viewer.role)
    # A key lends what its scopes name.
    there = [
        Q(kind=kind, object_id__in=shareable.held(SWEEPER).values("pk"))
        for kind, shareable in SHAREABLES.items()
        if viewer.names(GIVES[kind][0])
    ]
    rows = rows.filter(reduce(or_, there)) if there else rows.none()
    return rows.select_related("user", "shared_by").order_by("kind", "-id")


def show_shares(*, viewer: Actor, rows: Sequence[Share]) -> list[Shown]:
    """Return shares with the names and pages of their objects, without those that are gone. A query for each kind."""
    titles: dict[UUID, str] = {}
    for kind in {row.kind for row in rows}:
        titles |= _titles(viewer, kind, [row.object_id for row in rows if row.kind == kind])
    return [
        Shown(row, titles[row.object_id], SHAREABLES.get(row.kind).page(row.object_id))
        for row in rows
        if row.object_id in titles
    ]


def name_grantees(rows: Sequence[Share]) -> dict[UUID, str]:
    """Return who has each of some shares, as people read it. At most three queries."""
    roles = dict(role_choices()) if any(row.role for row in rows) else {}
    teams = team_names() if any(row.team_id for row in rows) else {}
    people = names_of([row.user_id for row in rows])

    def name(row: Share) -> str:
        if row.role:
            return roles.get(row.role, row.role)
        if row.team_id:
            return teams.get(row.team_id, "")
        return people.get(row.user_id, "") if row.user_id else ""

    return {row.pk: name(row) for row in rows}


def drop_shares(*, team_id: UUID) -> None:
    """Delete the shares of a team that goes; for the system, in its transaction."""
    Share.objects.filter(team_id=team_id).delete()


def sweep_shares(*, now: datetime | None = None) -> int:
    """Delete shares that ended, and those whose grantee or object is gone, of all tenants; for the sweep."""
    same: dict[str, Any] = {"tenant_id": OuterRef("tenant_id")}
    with platform_scope():
        people = Membership.objects.filter(**same, user_id=OuterRef("user_id"), is_active=True)
        own = Role.objects.filter(**same, key=OuterRef("role"), deleted_at=None)
        gone = ~live(now) | Q(user__isnull=False) & Q(~Exists(people))
        gone |= Q(role__startswith=OWN) & Q(~Exists(own))
        gone |= Q(team_id__isnull=False) & ~Q(team_id__in=team_ids())
        for kind, shareable in SHAREABLES.items():
            gone |= Q(kind=kind) & ~Q(object_id__in=shareable.held(SWEEPER).values("pk"))
        return remove(Share, gone)


def problems_of(
    actor: Actor, kind: str, level: str, grantee: Grantee, ends_at: datetime | None, moment: datetime
) -> dict[str, str]:
    """Return what is wrong with the fields. At most one query."""
    given = [name for name in ("role", "team_id", "user_id") if getattr(grantee, name)]
    problems = {
        "kind": "" if kind in Share.Kind.values else "Choose one of the kinds.",
        "level": "" if level in (SEE, ACT) else "Choose one of the levels.",
        "ends_at": "Choose a moment in the future." if ends_at is not None and ends_at <= moment else "",
    }
    if len(given) != 1:
        return {**problems, "with": "Choose a role, a team or a person: one of them."}
    if grantee.user_id and grantee.user_id == actor.user_id:
        problems["user_id"] = "You have this already. Choose somebody else."
    elif grantee.user_id and not is_active_member(grantee.user_id):
        problems["user_id"] = "Choose an active colleague."
    elif grantee.role and grantee.role not in dict(role_choices()):
        problems["role"] = "Choose one of the roles."
    elif grantee.team_id and grantee.team_id not in team_names():
        problems["team_id"] = "Choose one of the teams."
    return problems


def _lock(actor: Actor, kind: str, object_id: UUID, level: str) -> None:
    """Lock the object, which its erasure waits for. Raises `Refused` and `NotFound`."""
    view, act = GIVES[kind]
    shareable = SHAREABLES.get(kind)
    held = shareable.held(actor).filter(pk=object_id) if actor.may(view) else None
    if held is None or not held.select_for_update(of=("self",), no_key=True).exists():
        if _titles(actor, kind, [object_id]):
            raise Refused("This is only shared with you, so you can't share it.", code="shared_only")
        raise NotFound(MISSING)
    if level == ACT and not actor.may(act):
        raise Refused("Your role can't act on this, so you can't let others act on it.", code="level_above_yours")


def _titles(viewer: Actor, kind: str, ids: Collection[UUID]) -> dict[UUID, str]:
    return SHAREABLES.get(kind).titles(viewer, ids) if may_some(viewer, kind, GIVES[kind][0]) else {}


def _of_sharer(viewer: Actor) -> QuerySet[Share]:
    """Return the shares of objects that a viewer sees by their role."""
    conditions = [
        Q(kind=kind, object_id__in=shareable.held(viewer).values("pk"))
        for kind, shareable in SHAREABLES.items()
        if viewer.may(GIVES[kind][0])
    ]
    return Share.objects.filter(reduce(or_, conditions)) if conditions else Share.objects.none()


def _fact(actor: Actor, action: str, row: Share) -> Fact:
    who = {"role": row.role, "team": str(row.team_id or ""), "user": str(row.user_id or "")}
    facts = {
        "share": str(row.pk),
        "level": row.level,
        **{name: value for name, value in who.items() if value},
        **({"ends_at": row.ends_at.isoformat()} if row.ends_at else {}),
    }
    return Fact(actor, action, LABELS[row.kind], row.object_id, facts=facts)

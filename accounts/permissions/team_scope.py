"""Team scope: whether a member sees the conversations of all teams, or of their own ones."""

from collections.abc import Callable, Collection
from typing import Any, Final, Protocol
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Membership, Role
from accounts.permissions.role_limits import MANAGE, refuse_higher_role
from accounts.permissions.roles import ALL_PERMISSIONS, OWN, PERMISSIONS, name_of_role, permissions_of
from core.actors import Actor
from core.audit import chain
from core.db.locks import locked
from core.errors import Conflict, Invalid, Refused
from core.events.outbox import announce

CAN_BE_LIMITED: Final = frozenset({"approver", "support", "viewer"})
"""Roles whose members can be limited to their teams. The others see everything, to manage it or to check it."""
LIMITABLE: Final = frozenset({"accounts.share_objects"}).union(*(PERMISSIONS[role] for role in CAN_BE_LIMITED))
"""What people can have who don't see everything: all else would show them other teams' conversations, or counts."""
ALLOWED: Final = {
    # A provider signs in owners, too: who sets it could become one of them.
    Role.Sees.ALL.value: ALL_PERMISSIONS - {"accounts.manage_sign_in"},
    Role.Sees.TEAMS.value: LIMITABLE,
    Role.Sees.ASSIGNED.value: LIMITABLE - {"analytics.view_team_figures"},
}
"""What own roles can have, by whose conversations they see."""
TeamFinder = Callable[[UUID], frozenset[UUID]]
_finders: list[TeamFinder] = []


class TeamKeeper(Protocol):
    """What keeps teams, which live above this app."""

    def names(self) -> dict[UUID, str]:
        """Return the names of the teams of the tenant in scope."""
        ...

    def ids(self) -> QuerySet[Any]:
        """Return the ids of the teams of the tenant in scope, or of all in the platform's, for a condition."""
        ...

    def joined(self, user_ids: Collection[UUID]) -> QuerySet[Any]:
        """Return the places in teams of some people; each has its `user_id` and `team_id`."""
        ...

    def place(self, *, actor: Actor, user_id: UUID, wanted: Collection[UUID], among: Collection[UUID]) -> None:
        """Let a person be in the wanted ones among some teams, and in no other of them."""
        ...


_keepers: list[TeamKeeper] = []


def keep_teams_with(keeper: TeamKeeper) -> None:
    """Register what keeps teams."""
    _keepers[:] = [keeper]


def team_names() -> dict[UUID, str]:
    """Return the names of the teams of the tenant in scope, by id."""
    return _keepers[0].names() if _keepers else {}


def team_ids() -> QuerySet[Any]:
    """Return the ids of the teams of the tenant in scope, or of all in the platform's, for a condition."""
    return _keepers[0].ids()


def teams_joined(user_ids: Collection[UUID]) -> QuerySet[Any]:
    """Return the places in teams of some people, for a condition: also where their role doesn't show what is there."""
    return _keepers[0].joined(user_ids)


def place_in_teams(*, actor: Actor, user_id: UUID, wanted: Collection[UUID], among: Collection[UUID]) -> None:
    """Let a person be in the wanted ones among some teams, and in no other of them; the rest stays as it is.

    Needs what the keeper needs: raises `Refused`. Not inside a transaction with an audit entry before.
    """
    if _keepers and among:
        _keepers[0].place(actor=actor, user_id=user_id, wanted=wanted, among=among)


def find_teams_with(finder: TeamFinder) -> None:
    """Register what returns the ids of a person's teams in the tenant in scope; teams live above this app."""
    _finders[:] = [finder]


def teams_seen(user_id: UUID, *, own_only: bool) -> frozenset[UUID] | None:
    """Return the teams whose conversations a member sees, None for all (then without a query)."""
    if not own_only:
        return None
    return _finders[0](user_id) if _finders else frozenset()


def limit_of(role: str, *, wish: bool) -> bool:
    """Return whether a member with a role is limited to their teams: as wished, unless the role decides it itself.

    One query for an own role.
    """
    if not role.startswith(OWN):
        return wish and role in CAN_BE_LIMITED
    found = Role.objects.filter(key=role).first()
    if found is None or found.sees != Role.Sees.ALL:
        return True
    return wish and permissions_of(role, found.permissions) <= LIMITABLE


def set_team_scope(*, actor: Actor, membership_id: UUID, own_only: bool) -> Membership:
    """Limit a member to conversations of their own teams, or end that. Safe to repeat.

    Needs `accounts.manage_membership` and every permission of their role; nobody changes their own. Raises `Refused`,
    `NotFound`, `Invalid` for a role that decides it itself, and `Conflict` ("erased"). Announces rights_changed. Writes
    `TEAM_SCOPE_SET`.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        membership = locked(Membership, membership_id)
        if membership.user_id == actor.user_id:
            raise Refused("You can't change your own membership. Ask a colleague who manages members.")
        if membership.erased_at is not None:
            raise Conflict("This person was erased.", code="erased")
        refuse_higher_role(actor, membership.role)
        if limit_of(membership.role, wish=own_only) != own_only:
            sees = "the conversations of all teams" if own_only else "only some conversations"
            problem = f"The role {name_of_role(membership.role)} sees {sees}."
            raise Invalid(problem, fields={"own_teams_only": [problem]})
        if membership.own_teams_only == own_only:
            return membership
        membership.own_teams_only = own_only
        membership.save(update_fields=["own_teams_only"])
        announce("rights_changed", ref=membership.user_id)
        old, new = ("all_teams", "own_teams") if own_only else ("own_teams", "all_teams")
        chain.note(actor, "TEAM_SCOPE_SET", membership, old_state=old, new_state=new)
    return membership

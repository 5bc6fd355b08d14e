"""What tests of shares need: who gets one, and how people ask."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from accounts.members.shares import Grantee, share
from accounts.models import Membership, Share, User
from accounts.services import actor_for_user, add_member
from core.actors import Actor
from core.clock import now
from core.tenancy.scope import tenant_scope
from tests.accounts.roles.making import make
from tests.world import OPERATOR, World

REASON = "They know the customer"
LEAST = frozenset({"accounts.use_notices", "accounts.use_profile", "accounts.use_saved_views"})


def give(world: World, kind: str, object_id: UUID, person: User, level: str = "see", **more: Any) -> Share:
    """Let the owner share something with a person."""
    with tenant_scope(world.acme.pk):
        return share(
            actor=world.actor("owner"),
            kind=kind,
            object_id=object_id,
            grantee=more.pop("grantee", Grantee(user_id=person.pk)),
            level=level,
            reason=REASON,
            **more,
        )


def person_with(world: World, name: str, permissions: frozenset[str] = LEAST, **role: Any) -> User:
    """Return somebody with a role of the organisation's own."""
    made = make(world, name, permissions, **role)
    user, _ = world.another("viewer")
    with tenant_scope(world.acme.pk):
        add_member(actor=OPERATOR, user=user, role=made.key)
    return user


def actor(world: World, user: User) -> Actor:
    """Return a person as they are now."""
    with tenant_scope(world.acme.pk):
        return actor_for_user(user, proven_lately=True)


def expire(row: Share) -> None:
    """Let the end of a share be a moment ago."""
    Share.objects.filter(pk=row.pk).update(ends_at=now() - timedelta(seconds=1))


def limit(user: User) -> None:
    """Limit a member to their teams."""
    Membership.objects.filter(user=user).update(own_teams_only=True)

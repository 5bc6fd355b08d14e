"""The same thing, shared with the same colleague by several people at the same moment."""

from __future__ import annotations

import pytest

from accounts.members.shares import Grantee, end_share, share
from accounts.models import Notice, Share
from core.errors import Conflict, NotFound
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import make_shop
from tests.hitl.machine.test_races import at_once
from tests.security.shares.given import REASON
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_same_thing_shared_by_many_at_once_is_one_share_with_one_notice_and_one_entry(committed_world: World) -> None:
    world = committed_world
    with tenant_scope(world.acme.pk):
        talk = make_shop(world).conversation()
        person, actors = world.people["viewer"], [world.actor("owner"), world.actor("admin")]

        def attempt(number: int, level: str = "see") -> Share:
            return share(
                actor=actors[number % 2], kind="conversation", object_id=talk.pk, level=level, reason=REASON,
                grantee=Grantee(user_id=person.pk),
            )  # fmt: skip

        found = at_once([lambda n=n: attempt(n) for n in range(8)])
        row = Share.objects.get()
        assert [one.pk for one in found if isinstance(one, Share)] == [row.pk] * 8
        assert AuditEntry.objects.filter(action="OBJECT_SHARED").count() == 1
        assert Notice.objects.filter(person=person, kind="accounts.shares").count() == 1

        ended = at_once([lambda n=n: end_share(actor=actors[n], share_id=row.pk) for n in range(2)])
        assert [type(one) for one in ended if one is not None] == [NotFound]
        assert AuditEntry.objects.filter(action="OBJECT_SHARE_ENDED").count() == 1

        # Of two that differ one is told so: the other's level is not overwritten.
        first, second = at_once([lambda: attempt(0, "see"), lambda: attempt(1, "act")])
        won, lost = (first, second) if isinstance(first, Share) else (second, first)
        assert isinstance(won, Share)
        assert isinstance(lost, Conflict)
        assert lost.code == "already_shared"
        assert Share.objects.get().level == won.level

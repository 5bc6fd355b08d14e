"""Parking, replaying and discarding work that failed for good."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from core.errors import Conflict, Invalid, NotFound, Refused
from core.ids import uuid7
from core.jobs import dead_letters
from core.models import AuditEntry, DeadLetter
from core.tenancy.scope import tenant_scope
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[UUID]]:
    """The rows that a registered replayer was asked to queue."""
    rows: list[UUID] = []
    monkeypatch.setattr(dead_letters, "_replayers", {})
    dead_letters.register_replayer("test.delivery", rows.append)
    return (yield rows)


def park(kind: str = "test.delivery", error: str = "it broke") -> DeadLetter:
    """Park a new row."""
    return dead_letters.park(kind=kind, ref=uuid7(), error=error)


def test_error_of_a_parked_row_is_masked_and_short(acme: World) -> None:
    letter = park(error="550 no such user jane.doe@example.com" + "x" * 900)
    assert "jane.doe" not in letter.error
    assert len(letter.error) == 500


def test_row_parked_twice_is_one_letter(acme: World) -> None:
    first = park()
    again = dead_letters.park(kind=first.kind, ref=first.ref, error="again")
    assert (again.id, again.times, again.error) == (first.id, 2, "again")


def test_replayed_letter_queues_its_row_once(acme: World, replayed: list[UUID]) -> None:
    letter = park()
    dead_letters.replay(actor=acme.actor("owner"), dead_letter_id=letter.id)
    with pytest.raises(Conflict) as lost:
        dead_letters.replay(actor=acme.actor("owner"), dead_letter_id=letter.id)
    assert (replayed, lost.value.facts["state"]) == ([letter.ref], "replayed")
    assert (lost.value.facts["changed_by"], lost.value.facts["changed_at"]) == ("you", lost.value.facts["closed_at"])
    with pytest.raises(Conflict) as late:
        dead_letters.discard(actor=acme.actor("admin"), dead_letter_id=letter.id)
    assert late.value.facts["changed_by"] == "owner"


def test_replay_is_audited(acme: World, replayed: list[UUID]) -> None:
    letter = park()
    dead_letters.replay(actor=acme.actor("owner"), dead_letter_id=letter.id)
    actions = AuditEntry.objects.filter(object_id=letter.ref).order_by("seq")
    assert [entry.action for entry in actions] == ["dead_letter.parked", "dead_letter.replayed"]


def test_row_that_fails_again_after_a_replay_gets_a_new_letter(acme: World, replayed: list[UUID]) -> None:
    letter = park()
    dead_letters.replay(actor=acme.actor("owner"), dead_letter_id=letter.id)
    assert dead_letters.park(kind=letter.kind, ref=letter.ref, error="").id != letter.id


def test_replayer_that_raises_leaves_the_letter_parked(acme: World, replayed: list[UUID]) -> None:
    def fail(row_id: UUID) -> None:
        raise RuntimeError

    dead_letters.register_replayer("test.broken", fail)
    letter = park("test.broken")
    with pytest.raises(RuntimeError):
        dead_letters.replay(actor=acme.actor("owner"), dead_letter_id=letter.id)
    letter.refresh_from_db()
    assert letter.state == "parked"


def test_kind_without_replayer_is_refused(acme: World, replayed: list[UUID]) -> None:
    with pytest.raises(Invalid, match="can't be retried here"):
        dead_letters.replay(actor=acme.actor("owner"), dead_letter_id=park("unknown").id)


def test_discarded_letter_is_closed_without_a_replay(acme: World, replayed: list[UUID]) -> None:
    letter = dead_letters.discard(actor=acme.actor("owner"), dead_letter_id=park().id)
    assert (letter.state, replayed) == ("discarded", [])


def test_viewer_may_neither_replay_nor_discard(acme: World, replayed: list[UUID]) -> None:
    letter, viewer = park(), acme.actor("viewer")
    for close in (dead_letters.replay, dead_letters.discard):
        with pytest.raises(Refused):
            close(actor=viewer, dead_letter_id=letter.id)


def test_outsider_does_not_find_the_letter(acme: World, replayed: list[UUID]) -> None:
    letter = park()
    with tenant_scope(acme.globex.pk), pytest.raises(NotFound):
        dead_letters.replay(actor=acme.outsider(), dead_letter_id=letter.id)


def test_letters_of_all_tenants_are_counted(acme: World) -> None:
    park()
    with tenant_scope(acme.globex.pk):
        park()
    assert dead_letters.count_parked_everywhere() == 2

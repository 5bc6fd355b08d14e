"""Entries that are linked to the head this process left, before it is known whether that is still the end."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from core.actors import system
from core.audit import chain
from core.events import streams
from core.events.publish import Told, tell
from core.models import AuditEntry, AuditHead
from core.tenancy.scope import current_tenant_id, tenant_scope
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
THREADS, TIMES = 4, 12


@pytest.fixture
def world(committed_world: World) -> Iterator[World]:
    with tenant_scope(committed_world.acme.pk):
        yield committed_world


def say(action: str = "A") -> None:
    """Tell and record as a move does, in a transaction."""
    with transaction.atomic():
        tell(announced=[], told=[Told("queue", "test", {})], audited=[fact(action)])


def fact(action: str = "A") -> chain.Fact:
    return chain.Fact(system("test"), action, "test.thing", uuid4())


def elsewhere(tenant_id: UUID, *, times: int = 1) -> None:
    """Do it on another connection."""
    try:
        with tenant_scope(tenant_id):
            for _ in range(times):
                say("B")
    finally:
        connection.close()


def by_another_process() -> None:
    """Append an entry of which this process does not know."""
    known = dict(chain._left)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(elsewhere, current_tenant_id()).result()
    chain._left.clear()
    chain._left.update(known)


def guess() -> chain.Links:
    found = chain.guess([chain.draft(fact())])
    assert found is not None
    return found


def end() -> chain.Head:
    found: chain.Head = AuditHead.objects.values_list("seq", "hash").get()
    return found


def test_guess_is_the_head_that_was_left_and_is_what_is_appended(world: World) -> None:
    say()
    assert guess().follow == end()
    entries = [chain.draft(fact()), chain.draft(fact())]
    guessed = chain.guess(entries)
    with transaction.atomic():
        chain.chain(entries, None, guessed)
    assert guessed is not None
    assert end() == guessed.leave == guess().follow
    assert chain.verify().ok


def test_head_that_somebody_else_has_moved_is_followed(world: World) -> None:
    say()
    for _ in range(2):
        by_another_process()
        assert guess().follow != end()
        say()
        assert guess().follow == end()
        say()
    assert chain.verify().ok
    about = AuditEntry.objects.filter(object_type="test.thing").order_by("seq")
    assert "".join(about.values_list("action", flat=True)) == "ABAABAA"


def test_head_that_was_rewritten_under_its_number_is_not_taken_for_the_one_left(
    world: World, tampering: Callable[[str], None]
) -> None:
    say()
    seq, _ = end()
    tampering(f"update core_audithead set hash = '{'f' * 64}' where tenant_id = '{world.acme.pk}'")
    say()
    assert AuditEntry.objects.get(seq=seq + 1).previous_hash == "f" * 64
    assert chain.verify().first_bad == seq + 1


def undone() -> None:
    with transaction.atomic():
        say()
        raise ZeroDivisionError


@pytest.mark.parametrize("within", [transaction.atomic, nullcontext])
def test_head_that_was_undone_is_not_followed(world: World, within: Callable[[], AbstractContextManager[None]]) -> None:
    say()
    with within():
        with pytest.raises(ZeroDivisionError):
            undone()
        assert guess().follow != end()
        say()
        assert guess().follow == end()
    say()
    assert chain.verify().ok


class _OwnOfEachThread(threading.local):
    """What each thread keeps for itself, as processes do."""

    def __init__(self) -> None:
        self.kept: dict[UUID, chain.Head] = {}
        self.get, self.clear = self.kept.get, self.kept.clear

    def __len__(self) -> int:
        return len(self.kept)

    def __setitem__(self, tenant_id: UUID, head: chain.Head) -> None:
        self.kept[tenant_id] = head


@pytest.mark.parametrize("each_its_own", [True, False])
def test_chain_is_whole_where_many_write_it_at_once(
    world: World, each_its_own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if each_its_own:
        monkeypatch.setattr(chain, "_left", _OwnOfEachThread())
    before = end()[0]
    with ThreadPoolExecutor(THREADS) as pool:
        for job in [pool.submit(elsewhere, world.acme.pk, times=TIMES) for _ in range(THREADS)]:
            job.result()
    assert chain.verify().ok
    assert end()[0] == before + THREADS * TIMES
    moments = list(AuditEntry.objects.filter(seq__gt=before).order_by("seq").values_list("at", flat=True))
    assert moments == sorted(moments)


def test_heads_of_many_tenants_are_not_kept_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "_KEPT", 1)
    say()
    with tenant_scope(world.globex.pk):
        say()
    assert len(chain._left) == 1


def test_stream_that_many_begin_at_once_is_numbered_without_gaps(world: World) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for job in [pool.submit(elsewhere, world.acme.pk) for _ in range(THREADS)]:
            job.result()
    assert [row.seq for row in streams.read("queue", 0)] == [*range(1, THREADS + 1)]
    assert chain.verify().ok

"""A consumer is replayed beside itself, and then takes what follows as if nothing had been."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from core.bus import Event, replay
from core.clock import now
from core.errors import Conflict, Invalid
from core.models import BusConsumer, IdempotencyRecord
from core.tenancy.scope import tenant_scope
from tests.core.bus.consumers import Sink, count_in, ignore, shadow_of, subscribed, take_until
from tests.world import World


@pytest.mark.slow
def test_replayed_consumer_has_the_same_rows_and_goes_on(committed_world: World) -> None:
    acme, globex, sink = committed_world.acme.pk, committed_world.globex.pk, Sink("replayed")
    with subscribed("replayed", sink, shadow=shadow_of(sink)):
        count_in(acme, 1, 2, 3)
        count_in(globex, 7)
        take_until(lambda: sink.numbers(acme) == [1, 2, 3] and sink.numbers(globex) == [7])
        with tenant_scope(acme):
            IdempotencyRecord.objects.filter(scope="replayed").first().delete()  # what was written is wrong
        said = StringIO()
        call_command("replay_events", consumer="replayed", since=f"{now() - timedelta(days=1):%Y-%m-%d}", stdout=said)
        assert said.getvalue() == "4 events replayed.\n"
        assert sink.numbers(acme) == [1, 2, 3]
        count_in(acme, 4)
        take_until(lambda: sink.numbers(acme) == [1, 2, 3, 4])
        assert sink.numbers(globex) == [7]


@pytest.mark.slow
def test_replay_that_fails_swaps_nothing_and_two_at_once_are_refused(committed_world: World) -> None:
    acme, sink = committed_world.acme.pk, Sink("replayed")
    refused: list[str] = []

    def fail(events: Sequence[Event]) -> None:
        with pytest.raises(Conflict) as problem:
            replay("replayed", now() - timedelta(days=1))
        refused.append(problem.value.code)
        raise RuntimeError

    with subscribed("replayed", sink, shadow=replace(shadow_of(sink), receive=fail)):
        count_in(acme, 1, 2)
        take_until(lambda: sink.numbers(acme) == [1, 2])
        with pytest.raises(RuntimeError):
            replay("replayed", now() - timedelta(days=1))
        assert refused == ["replay_runs"]
        assert sink.numbers(acme) == [1, 2]
        assert not BusConsumer.objects.exclude(replayed_until=None).exists()


def test_what_cannot_be_replayed_is_refused_with_a_word(committed_world: World) -> None:
    with subscribed("plain", ignore), pytest.raises(Invalid, match="no shadow"):
        replay("plain", now())
    for options in ({"consumer": "nobody", "since": "2026-01-01"}, {"consumer": "log", "since": "yesterday"}):
        with pytest.raises(CommandError, match=r"no such consumer|such as"):
            call_command("replay_events", **options)

"""Circuit breakers over real Redis."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.core.cache.backends.redis import RedisCache

from core.clock import now
from core.errors import Unavailable
from core.reliability import circuit_breaker
from core.reliability.circuit_breaker import Breaker


@pytest.fixture
def one() -> Breaker:
    """A breaker of two failures that nobody else uses."""
    return Breaker(str(uuid4()), threshold=2)


def open_it(one: Breaker) -> datetime:
    """Fail until it opens; return when that was."""
    for _ in range(one.threshold):
        one.failed()
    return now()


def test_closed_breaker_lets_calls_through(one: Breaker) -> None:
    one.failed()
    one.allow()
    assert one.state().state == "closed"


def test_breaker_opens_at_the_threshold(one: Breaker) -> None:
    open_it(one)
    with pytest.raises(Unavailable) as refused:
        one.allow()
    assert (refused.value.code, one.state().state) == ("breaker_open", "open")


def test_open_breaker_is_seen_by_another_process(one: Breaker) -> None:
    open_it(one)
    with pytest.raises(Unavailable):
        Breaker(one.name, threshold=2).allow()


def test_success_in_between_starts_the_count_again(one: Breaker) -> None:
    one.failed()
    one.succeeded()
    one.failed()
    assert one.state().state == "closed"


def test_cooled_breaker_lets_one_caller_try(one: Breaker) -> None:
    with time_machine.travel(open_it(one) + timedelta(seconds=31)):
        assert one.state().state == "half_open"
        one.allow()
        with pytest.raises(Unavailable):
            one.allow()


def test_trial_that_succeeds_closes(one: Breaker) -> None:
    with time_machine.travel(open_it(one) + timedelta(seconds=31)):
        one.allow()
        one.succeeded()
    assert one.state().state == "closed"


def test_trial_that_fails_opens_again(one: Breaker) -> None:
    with time_machine.travel(open_it(one) + timedelta(seconds=31)):
        one.allow()
        one.failed()
        assert one.state().state == "open"


def test_calls_go_through_while_redis_is_away(one: Breaker, monkeypatch: pytest.MonkeyPatch) -> None:
    open_it(one)
    monkeypatch.setattr(circuit_breaker, "cache", RedisCache("redis://127.0.0.1:1/0", {}))
    one.allow()


def test_known_breakers_are_listed_by_name() -> None:
    name = f"test-{uuid4()}"
    assert circuit_breaker.breaker(name) is circuit_breaker.breaker(name)
    assert name in [state.name for state in circuit_breaker.states()]

"""The runner against a server that fails by a script: attempts, waits, breaker, last values, quota, records."""

from __future__ import annotations

import json
import logging
import socket
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache

from core.clock import now
from core.errors import Unavailable
from core.reliability.circuit_breaker import breaker
from core.tenancy.scope import tenant_scope
from hitl.execution.kill_switch_activation import activate_kill_switch, release_kill_switch
from integrations.calls import waits
from integrations.calls.answers import Answer, CleanFailure, Ok, Unknown
from integrations.calls.breaker import breaker_of
from integrations.calls.operations import Operation
from integrations.hubspot import platform as hubspot
from integrations.meta_ads import client as meta_ads
from integrations.models import ProviderAccount
from integrations.salesforce import platform as salesforce
from integrations.zendesk import platform as zendesk
from tests.integrations.calls.conftest import (
    KEYED,
    ORDER,
    PERSON,
    READ,
    SECRET,
    Deed,
    Shop,
    in_seconds,
    timed,
)
from tests.world import World

LIMIT_CODE: Deed = (400, {}, {"code": "17", "detail": "Slow down."})
ALWAYS = replace(ORDER, key="order_always", repeats="always")
# Operation, deeds, how it ends, how many requests are made.
CASES: dict[str, tuple[Operation, list[Deed], type | tuple[type, str, bool], int]] = {
    "read, 5xx twice": (READ, [500, 503], Ok, 3),
    "read, 5xx to the end": (READ, [500] * 3, (CleanFailure, "http_500", True), 3),
    "read, reset": (READ, ["reset"], Ok, 2),
    "read, HTML to the end": (READ, ["html"] * 3, (CleanFailure, "bad_answer", True), 3),
    "read, refused": (READ, [404], (CleanFailure, "http_404", False), 1),
    "read, redirect": (READ, [302], (CleanFailure, "http_302", False), 1),
    "read, code of a limit": (READ, [LIMIT_CODE], Ok, 2),
    "read, limit for long": (READ, [(429, {"Retry-After": "60"})], (CleanFailure, "rate_limited", True), 1),
    "order, lost answer": (ORDER, ["reset"], (Unknown, "connection_lost", False), 1),
    "order, 5xx": (ORDER, [500], (Unknown, "http_500", False), 1),
    "order, HTML": (ORDER, ["html"], (Unknown, "bad_answer", False), 1),
    "order, refused": (ORDER, [422], (CleanFailure, "http_422", False), 1),
    "order, limit": (ORDER, [429], Ok, 2),
    "keyed order, lost answer": (KEYED, ["reset"], Ok, 2),
    "keyed order, lost, then refused": (KEYED, ["reset", 409], (Unknown, "connection_lost", False), 2),
    "keyed order, lost, then limits": (KEYED, ["reset", 429, 429], (Unknown, "connection_lost", False), 3),
    "order with the same effect each time": (ALWAYS, [502, "reset"], Ok, 3),
}


USAGE = {"1": [{"call_count": 28, "total_time": 91, "estimated_time_to_regain_access": 0}], "2": [{"call_count": 3}]}
DAILY = {"X-HubSpot-RateLimit-Daily": "250000", "X-HubSpot-RateLimit-Daily-Remaining": "249870"}
# Where it is read, what stands in the headers, what people read.
QUOTAS: list[tuple[Any, dict[str, str], str]] = [
    (hubspot.read_quota, DAILY, "249,870 of 250,000 calls a day left"),
    (hubspot.read_quota, {**DAILY, "X-HubSpot-RateLimit-Daily": "-1"}, ""),
    (zendesk.read_quota, {"X-Rate-Limit": "200", "X-Rate-Limit-Remaining": "0"}, "0 of 200 calls a minute left"),
    (salesforce.read_quota, {"Sforce-Limit-Info": "api-usage=18/15000"}, "14,982 of 15,000 calls a day left"),
    (salesforce.read_quota, {"Sforce-Limit-Info": "api-usage=many"}, ""),
    (meta_ads.read_quota, {meta_ads.USAGE: json.dumps(USAGE)}, "9% of the calls an hour left"),
    (meta_ads.read_quota, {meta_ads.USAGE: "[" * 100_000}, ""),
    (meta_ads.read_quota, {meta_ads.USAGE: '{"1": [{"call_count": Infinity}]}'}, ""),
]


@pytest.mark.parametrize(("read", "headers", "words"), QUOTAS)
def test_quota_is_read_as_each_vendor_says_it(read: Any, headers: dict[str, str], words: str) -> None:
    found = read(headers)
    assert (found.words if found else "") == words


def kind_of(answer: Answer[Any]) -> Any:
    if isinstance(answer, Ok):
        return Ok
    return type(answer), answer.code, isinstance(answer, CleanFailure) and answer.retry


@pytest.mark.parametrize("case", CASES)
def test_call_is_repeated_only_where_that_is_safe(shop: Shop, case: str) -> None:
    operation, deeds, ends, requests = CASES[case]
    key = "walker:1" if operation is KEYED else ""
    assert (kind_of(shop.call(operation, *deeds, key=key)), shop.requests) == (ends, requests)
    assert {headers.get("Idempotency-Key", "") for _, headers, _ in shop.vendor.got} == {key}


def test_keyed_operation_without_a_key_is_not_repeated(shop: Shop) -> None:
    assert (kind_of(shop.call(KEYED, "reset"))[0], shop.requests) == (Unknown, 1)


@pytest.mark.slow
@pytest.mark.parametrize("says", [lambda: "1", lambda: in_seconds(2)], ids=["seconds", "date"])
def test_time_that_a_system_asks_to_wait_is_waited(shop: Shop, says: Any) -> None:
    began = time.monotonic()
    assert shop.call(READ, (429, {"Retry-After": says()})) == Ok(2)
    assert timed(began) >= 1


def test_wait_beyond_the_time_is_told_and_not_waited(shop: Shop) -> None:
    began = time.monotonic()
    answer = shop.call(READ, (503, {"Retry-After": in_seconds(120)}))
    assert isinstance(answer, CleanFailure)
    assert answer.retry_after == pytest.approx(120, abs=3)
    assert timed(began) < 1


@pytest.mark.slow
def test_hanging_system_costs_its_time_once_for_all_calls_of_a_line(shop: Shop) -> None:
    began = time.monotonic()
    assert kind_of(shop.call(replace(READ, seconds=0.4), "hang", "hang")) == (CleanFailure, "timed_out", True)
    assert (shop.requests, timed(began) < 0.9) == (1, True)
    assert kind_of(shop.call(READ, "hang", seconds=0.3)) == (CleanFailure, "timed_out", True)
    assert timed(began) < 1.5


@pytest.mark.slow
def test_system_that_failed_slowly_is_not_called_again_within_a_turn_but_one_that_refused_slowly_is(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waits, "LONG", 0.0)  # every answer is late
    with waits.wait_once_each():
        assert isinstance(shop.call(READ, 404), CleanFailure)  # it has answered: there is no such thing
        assert isinstance(shop.call(READ), Ok)
        assert isinstance(shop.call(READ, 500, attempts=1), CleanFailure)
        again = shop.call(READ)
        assert isinstance(again, CleanFailure)
        assert (again.code, again.was_called, shop.requests) == ("timed_out", False, 0)
        assert isinstance(shop.elsewhere().call(READ), Ok)
    assert isinstance(shop.call(READ), Ok)


def test_nothing_was_done_where_nobody_listens(shop: Shop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    shop.system = replace(shop.system, base_url=f"http://127.0.0.1:{port}")
    assert kind_of(shop.call(ORDER)) == (CleanFailure, "not_reachable", True)
    shop.system = replace(shop.system, base_url=shop.vendor.url, private_hosts=())
    assert kind_of(shop.call(ORDER)) == (CleanFailure, "egress_refused", False)


def test_signature_covers_what_is_sent_and_a_lost_right_is_a_clean_failure(shop: Shop) -> None:
    seen: list[tuple[str, str, bytes]] = []

    def sign(connection: Any, method: str, url: str, body: bytes) -> dict[str, str]:
        if len(seen) == 1:
            raise Unavailable("The consent has ended.", code="consent_expired")
        seen.append((method, url, body))
        return {"X-Signature": "abc"}

    shop.system = replace(shop.system, authorise=sign)
    assert shop.call(ORDER) == Ok(1)
    (path, headers, body), (method, url, signed) = shop.vendor.got[0], seen[0]
    assert (method, url, signed, headers["X-Signature"]) == ("POST", shop.vendor.url + path, body, "abc")
    assert kind_of(shop.call(ORDER, attempts=1)) == (CleanFailure, "consent_expired", True)
    assert shop.requests == 0


def test_refused_authorisation_expires_the_connection_and_is_no_failure(shop: Shop) -> None:
    for status, code in ((401, "expired"), (403, "http_403")):
        assert kind_of(shop.call(READ, status)) == (CleanFailure, code, False)
    assert (shop.refused, breaker_of(shop.connection).state().failures) == ([("GET", False)], 0)


def test_token_that_can_be_renewed_is_renewed_once_and_the_request_made_again(shop: Shop) -> None:
    shop.renews = True
    for operation in (READ, ORDER):
        assert (shop.call(operation, 401, attempts=1), shop.requests) == (Ok(2), 2)
    assert kind_of(shop.call(ORDER, 401, 401, attempts=1)) == (CleanFailure, "expired", False)
    assert (shop.requests, shop.refused[-2:]) == (2, [("POST", False), ("POST", True)])
    # The second try has an answer of its own: lost, it may have had its effect.
    assert (kind_of(shop.call(ORDER, 401, "reset"))[:2], shop.requests) == ((Unknown, "connection_lost"), 2)
    # What doesn't prove that nothing was done is never made again.
    unsure = replace(ORDER, proves_nothing=lambda _: False)
    assert (kind_of(shop.call(unsure, 401))[0], shop.requests) == (Unknown, 1)


def test_five_failures_open_the_breaker_for_a_minute_then_one_call_tries(shop: Shop) -> None:
    began, other = now(), shop.elsewhere()
    with time_machine.travel(began, tick=False) as clock:
        for deed in (500, "reset", 502, "html", 400, 422):  # a refusal is an answer: it ends the row of failures
            shop.call(READ, deed, attempts=1)
        for operation, deed in ((READ, 500), (ORDER, 500), (KEYED, "reset"), (READ, "html"), (ORDER, "reset")):
            assert shop.call(operation, deed, attempts=1) != Ok(1)
        for operation in (READ, ORDER):
            answer = shop.call(operation)
            assert isinstance(answer, CleanFailure)
            assert (answer.code, answer.retry, answer.was_called, shop.requests) == ("breaker_open", True, False, 0)
        assert other.call(READ) == Ok(1)
        clock.shift(61)
        assert kind_of(shop.call(READ, 500)) == (CleanFailure, "breaker_open", True)  # the trial fails: no second try
        assert shop.requests == 1
        clock.shift(61)
        assert shop.call(ORDER) == Ok(1)
        assert shop.call(READ) == Ok(1)
    assert breaker(breaker_of(shop.connection).name).state().state == "closed"


def test_call_paused_by_hand_is_not_made(shop: Shop) -> None:
    shop.connection.paused_at = now()
    assert kind_of(shop.call(ORDER)) == (CleanFailure, "calls_paused", True)
    assert shop.requests == 0


def test_nothing_is_executed_under_an_emergency_stop_but_erasures(shop: Shop, world: World) -> None:
    owner, erasure = world.actor("owner"), replace(ORDER, key="erase", despite_stops=True)
    for scope in ("connection", "tenant"):
        with tenant_scope(world.acme.pk):
            shop.connection = ProviderAccount.objects.create(provider="shop", name=scope, credentials={"token": "x"})
            target = str(shop.connection.pk) if scope == "connection" else ""
            stop = activate_kill_switch(actor=owner, scope=scope, target=target, reason="Odd orders")
            answer = shop.call(ORDER)
            assert isinstance(answer, CleanFailure)
            assert (answer.code, answer.retry, answer.was_called, shop.requests) == ("stopped", True, False, 0)
            assert (shop.call(READ), shop.call(erasure)) == (Ok(1), Ok(1))
            release_kill_switch(actor=owner, switch_id=stop.pk)
            assert shop.call(ORDER) == Ok(1)
    clients = [module for name, module in sys.modules.items() if name.startswith("integrations.")]
    known = [each for module in clients for each in vars(module).values() if isinstance(each, Operation)]
    assert {each.key for each in known if each.despite_stops} == {"blank_contact", "erase_contact"}


def test_reading_falls_back_to_the_last_value_for_a_day(shop: Shop) -> None:
    def read(*deeds: Deed, **line: Any) -> Answer[int]:
        return shop.call(READ, *deeds, attempts=1, **line)

    began = now()
    with time_machine.travel(began, tick=False) as clock:
        assert shop.call(READ) == Ok(1)
        clock.shift(timedelta(hours=2))
        assert read(500, takes_last=True) == Ok(1, read_at=began)
        assert kind_of(read(500)) == (CleanFailure, "http_500", True)  # who decides wants what is true now
        assert kind_of(read(403, takes_last=True)) == (CleanFailure, "http_403", False)
        assert kind_of(shop.elsewhere().call(READ, 500, attempts=1, takes_last=True))[0] is CleanFailure
        assert kind_of(shop.call(ORDER, 500, takes_last=True))[0] is Unknown
        clock.shift(timedelta(hours=23))
        assert kind_of(read(500, takes_last=True)) == (CleanFailure, "http_500", True)


def test_equal_reading_is_answered_again_for_as_long_as_its_operation_says(shop: Shop) -> None:
    kept = replace(READ, key="kept", kept_seconds=120)
    with time_machine.travel(now(), tick=False) as clock:
        shop.call(kept, 200)
        clock.shift(60)
        assert (shop.call(kept, takes_last=True), shop.requests) == (Ok(1), 0)
        assert (shop.call(kept), shop.requests) == (Ok(1), 1)
        clock.shift(121)
        assert (shop.call(kept, takes_last=True), shop.requests) == (Ok(1), 1)


def test_background_work_takes_half_of_the_quota(shop: Shop) -> None:
    shop.system = replace(shop.system, calls_per_minute=4)
    poll = replace(READ, key="poll", in_background=True)
    with time_machine.travel(datetime.fromisoformat("2026-03-01T10:00:20+00:00"), tick=False) as clock:
        assert [type(shop.call(poll)) for _ in range(3)] == [Ok, Ok, CleanFailure]
        answer = shop.call(poll)
        assert isinstance(answer, CleanFailure)
        assert (answer.code, answer.retry_after, answer.was_called) == ("quota_spent", 40.0, False)
        assert [type(shop.call(READ)) for _ in range(4)] == [Ok] * 4
        clock.shift(40)
        assert shop.call(poll) == Ok(1)


def test_no_secret_and_no_personal_value_leaves_the_call(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = "walker:7"
    for operation, deeds in ((READ, ["html", 500]), (ORDER, ["reset"]), (KEYED, [429, 403])):
        shop.call(operation, *deeds, key=key)  # type: ignore[arg-type]
    waiting: Any = cache
    client = waiting._cache.get_client(None, write=True)
    rows = client.hgetall(cache.make_key("provider_calls"))
    kept = [client.get(name) or b"" for name in client.keys(cache.make_key(f"{shop.connection.tenant_id.hex}:*"))]
    everything = repr((rows, kept, [record.getMessage() for record in caplog.records]))
    assert len(rows) == 6
    assert kept
    assert not [canary for canary in (SECRET, PERSON, "stock/", "?q=") if canary in everything]

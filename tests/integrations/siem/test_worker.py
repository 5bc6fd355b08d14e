"""The audit log reaches a security system in order, at least once, whatever breaks on the way."""

from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Tenant
from core import clock
from core.audit import chain
from core.clock import now
from core.models import AuditEntry
from core.reliability import lease
from integrations.siem import selectors, services, worker
from integrations.siem.errors import describe
from integrations.siem.models import AuditDestination
from tests.database.tampering import rewrite
from tests.edge.certificates import make_certificate
from tests.integrations.siem.conftest import (
    HttpsReceiver,
    Killed,
    Receiver,
    SyslogReceiver,
    add,
    head,
    kill,
    stored,
    write,
)
from tests.world import World

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def test_whole_log_arrives_in_order_and_once(acme: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "BATCH", 7)
    add(acme, receiver, sends_all=True)
    write(20)
    batches = worker.forward_due()
    assert receiver.numbers() == [*range(1, head() + 1)]
    assert batches == receiver.connections == -(-head() // 7)
    entries = AuditEntry.objects.order_by("seq")
    assert receiver.got == [{**chain.content_of(entry), "hash": entry.hash} for entry in entries]
    assert [said["previous_hash"] for said in receiver.got[1:]] == [said["hash"] for said in receiver.got[:-1]]
    assert (worker.forward_due(), stored().sent_seq, stored().sent_hash) == (0, head(), receiver.got[-1]["hash"])


def test_new_destination_gets_what_is_written_from_then_on(acme: World, receiver: Receiver) -> None:
    before = head()
    add(acme, receiver)
    write(1)
    worker.forward_due()
    assert receiver.numbers() == [before + 1, before + 2]
    assert [said["action"] for said in receiver.got] == ["AUDIT_DESTINATION_ADDED", "TESTED"]


def test_syslog_has_the_header_of_its_standard(acme: World, syslog: SyslogReceiver, settings: Any) -> None:
    settings.PUBLIC_URL = "https://walker.example"
    add(acme, syslog)
    worker.forward_due()
    [entry] = AuditEntry.objects.filter(action="AUDIT_DESTINATION_ADDED")
    moment = f"{entry.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    assert syslog.headers == [["<110>1", moment, "walker.example", "walker", "-", "audit", "-"]]


@pytest.mark.parametrize(("kind", "scheme"), [("https", "Bearer"), ("splunk", "Splunk")])
def test_lines_are_posted_with_the_token(acme: World, https: HttpsReceiver, kind: str, scheme: str) -> None:
    add(acme, https, kind=kind, token="s3cret")
    worker.forward_due()
    [headers] = https.headers
    assert (headers["authorization"], headers["content-type"]) == (f"{scheme} s3cret", "application/x-ndjson")


def test_batch_fits_into_a_body(acme: World, https: HttpsReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "BATCH_BYTES", 1)
    add(acme, https)
    write(2)
    assert worker.forward_due() == https.connections == 3
    assert https.numbers() == [*range(head() - 2, head() + 1)]


def test_batch_of_a_killed_worker_is_sent_again_and_known_by_its_numbers(
    acme: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(acme, receiver, sends_all=True)
    with monkeypatch.context() as patch:
        patch.setattr(lease, "release", kill)
        with pytest.raises(Killed):
            worker.forward_due()
    sent = receiver.numbers()
    assert sent == [*range(1, head() + 1)]
    write(2)
    assert worker.forward_due() == 0
    with clock.at(now() + worker.LEASE):
        worker.forward_due()
    assert receiver.numbers() == [*sent, *range(1, head() + 1)]


def test_worker_that_was_overtaken_moves_nothing(acme: World, receiver: Receiver) -> None:
    add(acme, receiver)
    late = worker.claim_due()
    assert late is not None
    assert worker.claim_due() is None
    with clock.at(now() + worker.LEASE):
        assert worker.forward_due() == 1
    write(1)
    worker.forward(late)
    assert stored().sent_seq == head() - 1


@pytest.mark.slow
def test_system_that_is_down_for_a_day_gets_all_of_it_afterwards(acme: World, receiver: Receiver) -> None:
    began, before, pauses = now(), head(), []
    add(acme, receiver)
    receiver.stop()
    for hour in range(25):
        with clock.at(began + hour * HOUR):
            write(3)
            assert worker.forward_due() == 1
            pauses.append(stored().lease_until - clock.now())  # type: ignore[operator]
    assert pauses[:3] == [worker.FIRST_PAUSE, 2 * worker.FIRST_PAUSE, 4 * worker.FIRST_PAUSE]
    assert pauses[-1] == worker.LONGEST_PAUSE
    row = stored()
    assert (row.last_error, row.failing_since, row.failures) == ("not_reachable", began, 25)
    with clock.at(began + 25 * HOUR), CaptureQueriesContext(connection) as queries:
        assert selectors.lag() >= 24 * 3600
    assert len(queries) == 1
    receiver.start()
    with clock.at(began + 25 * HOUR):
        worker.forward_due()
        assert selectors.lag() == 0
    assert receiver.numbers() == [*range(before + 1, head() + 1)]
    row = stored()
    assert (row.last_error, row.failing_since, row.failures) == ("", None, 0)


@pytest.mark.parametrize("breaks", [{"breaks_after": 8000}, {"closes_at_once": True}])
def test_connection_that_breaks_leaves_no_gap(acme: World, syslog: SyslogReceiver, breaks: dict[str, Any]) -> None:
    before = head()
    add(acme, syslog)
    write(50)
    vars(syslog).update(breaks)
    worker.forward_due()
    assert (stored().last_error, stored().sent_seq) == ("not_confirmed", before)
    syslog.closes_at_once = False
    with clock.at(now() + HOUR):
        worker.forward_due()
    assert stored().sent_seq == head()
    assert syslog.numbers()[-51:] == [*range(before + 1, head() + 1)]


def test_receiver_that_ends_without_saying_so_has_what_it_read(acme: World, syslog: SyslogReceiver) -> None:
    syslog.says_goodbye = False
    add(acme, syslog, sends_all=True)
    worker.forward_due()
    assert (stored().last_error, stored().sent_seq) == ("", head())
    assert syslog.numbers() == [*range(1, head() + 1)]


@pytest.mark.parametrize("wrong", ["another CA", "no CA", "another name"])
def test_system_with_a_wrong_certificate_gets_nothing(
    acme: World, receiver: Receiver, settings: Any, tmp_path: Path, wrong: str
) -> None:
    settings.SIEM_HOSTS = ["localhost", "127.0.0.1"]
    changed: dict[str, dict[str, str]] = {
        "another CA": {"authority": make_certificate(tmp_path)[0].read_text()},
        "no CA": {"authority": ""},
        "another name": {"address": receiver.address.replace("localhost", "127.0.0.1")},
    }
    add(acme, receiver, **changed[wrong])
    worker.forward_due()
    assert receiver.got == []
    assert stored().last_error == {"syslog": "certificate", "https": "not_reachable"}[receiver.kind]


def test_host_that_leads_inside_later_is_not_called(acme: World, receiver: Receiver, settings: Any) -> None:
    add(acme, receiver)
    settings.SIEM_HOSTS = []
    worker.forward_due()
    assert (stored().last_error, receiver.connections) == ("private_address", 0)


@pytest.mark.parametrize(("status", "words"), [(401, "token"), (302, "final address"), (500, "answered 500")])
def test_only_success_is_an_arrival_and_a_wanted_pause_is_kept(
    acme: World, https: HttpsReceiver, status: int, words: str
) -> None:
    before = head()
    add(acme, https)
    https.answers.append((status, {"Retry-After": "900", "Location": "https://localhost/"}))
    with clock.at(now()):
        worker.forward_due()
        assert stored().lease_until == clock.now() + timedelta(seconds=900)
    assert (stored().sent_seq, stored().last_error) == (before, f"http_{status}")
    assert words in describe(stored().last_error)


@pytest.mark.parametrize("what", ["the entry before is another one", "the tail was cut"])
def test_log_that_does_not_continue_stops_and_is_late(acme: World, receiver: Receiver, what: str) -> None:
    add(acme, receiver)
    changed = {"sent_seq": head() + 5} if what == "the tail was cut" else {"sent_hash": "0" * 64}
    AuditDestination.objects.update(**changed)
    worker.forward_due()
    assert (stored().last_error, receiver.got) == ("chain_changed", [])
    with clock.at(now() + HOUR):
        assert selectors.lag() >= 3600


def test_entries_before_a_forged_one_arrive_and_none_from_it_on(
    acme: World, receiver: Receiver, tampering: Callable[[str], None]
) -> None:
    add(acme, receiver)
    write(3)
    rewrite(head() - 1)
    worker.forward_due()
    assert receiver.numbers() == [head() - 3, head() - 2]
    assert (stored().last_error, stored().sent_seq) == ("chain_changed", head() - 2)


def test_nothing_is_sent_while_paused_or_while_the_organisation_is_off(acme: World, receiver: Receiver) -> None:
    row = add(acme, receiver)
    Tenant.objects.update(is_active=False)
    assert worker.forward_due() == 0
    Tenant.objects.update(is_active=True)
    services.pause_destination(actor=acme.actor("owner"), destination_id=row.pk)
    assert (worker.forward_due(), selectors.lag()) == (0, 0)
    services.resume_destination(actor=acme.actor("owner"), destination_id=row.pk)
    worker.forward_due()
    actions = [f"AUDIT_DESTINATION_{name}" for name in ("ADDED", "PAUSED", "RESUMED")]
    assert [said["action"] for said in receiver.got] == actions


def test_system_that_works_comes_before_one_that_fails(acme: World, syslog: SyslogReceiver) -> None:
    add(acme, syslog, name="Works")
    AuditDestination.objects.update(sent_at=now())
    add(acme, syslog, name="Fails")
    AuditDestination.objects.filter(name="Fails").update(failures=3)
    claimed = [worker.claim_due(), worker.claim_due()]
    assert [row.name for row in claimed if row] == ["Works", "Fails"]


def test_error_that_nobody_foresaw_keeps_no_other_waiting(
    acme: World, syslog: SyslogReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = add(acme, syslog, name="Broken")
    AuditDestination.objects.update(address="[")
    add(acme, syslog)
    assert worker.forward_due() == 2
    row = AuditDestination.objects.get(pk=broken.pk)
    assert (row.last_error, describe(row.last_error)[:28]) == ("failed", "Something went wrong in Walk")
    assert syslog.numbers() == [head()]

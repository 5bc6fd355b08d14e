"""Handing over: what is tried again, what is not, what a killed worker leaves, who wins a race."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from core.clock import now
from core.errors import Conflict
from core.jobs import dead_letters
from core.models import DeadLetter
from core.tenancy.scope import tenant_scope
from integrations.mail import events
from integrations.mail.delivery import ATTEMPTS, deliver_due, deliver_mail, sweep
from integrations.mail.types import MailEvent, MailReceiver
from integrations.models import MailDelivery
from tests.integrations.mail.conftest import ADDRESS, connect, queue
from tests.integrations.mail.servers import Answers
from tests.world import OPERATOR, World


def _again(row: MailDelivery, later: timedelta = timedelta(hours=2)) -> str:
    return deliver_mail(row.pk, now=now() + later)


def test_mail_reaches_the_provider_once_with_our_id(desk: World, api: Answers) -> None:
    row = queue(reply_to="reply@acme.example", headers={"X-Walker": "1"})
    assert deliver_mail(row.pk) == "sent"
    assert deliver_mail(row.pk) == ""
    (sent,) = api.seen
    assert (sent["personalizations"], sent["from"]["name"]) == ([{"to": [{"email": ADDRESS}]}], "Acme Desk")
    assert sent["custom_args"] == {"walker_mail": str(row.pk)}
    assert api.keys == ["Bearer SG.secret"]


def test_sent_mail_knows_the_provider_s_id(desk: World, api: Answers) -> None:
    row = queue()
    deliver_mail(row.pk)
    row.refresh_from_db()
    assert (row.provider, row.provider_message_id, row.due_at) == ("sendgrid", "m-1", None)
    assert row.sent_at is not None


@pytest.mark.parametrize("status", [429, 500, 503])
def test_failure_that_proves_nothing_was_taken_is_tried_again(desk: World, api: Answers, status: int) -> None:
    api.queue = [(status, {})]
    row = queue()
    assert deliver_mail(row.pk) == "queued"
    assert deliver_mail(row.pk) == ""
    assert _again(row) == "sent"


def test_retry_waits_as_long_as_the_provider_asks(desk: World, api: Answers) -> None:
    api.queue = [(429, {"Retry-After": "77"})]
    row, moment = queue(), now()
    deliver_mail(row.pk, now=moment)
    row.refresh_from_db()
    assert row.due_at == moment + timedelta(seconds=77)


def test_provider_that_is_not_there_is_tried_again_then_parked(desk: World, settings: Any) -> None:
    settings.SENDGRID_API_BASE = "http://127.0.0.1:1"
    row = queue()
    found = []
    for number in range(ATTEMPTS):
        from core.reliability import circuit_breaker

        circuit_breaker.breaker(f"sendgrid:{desk.acme.pk}").succeeded()
        found.append(deliver_mail(row.pk, now=now() + timedelta(days=number)))
    assert found == ["queued"] * (ATTEMPTS - 1) + ["failed"]
    assert DeadLetter.objects.get().error == "not_reachable"


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_refusal_for_good_is_parked_at_once(desk: World, api: Answers, status: int) -> None:
    api.queue = [(status, {})]
    row = queue()
    assert deliver_mail(row.pk) == "failed"
    row.refresh_from_db()
    assert (row.error, row.due_at, DeadLetter.objects.get().ref) == (str(status), None, row.pk)


def test_tenant_without_an_account_fails_at_once(acme: World, settings: Any) -> None:
    row = queue()
    assert deliver_mail(row.pk) == "failed"
    assert DeadLetter.objects.get().error == "not_connected"


def test_lost_answer_is_never_sent_again_by_itself(desk: World, api: Answers) -> None:
    api.hang_up = True
    row = queue()
    assert deliver_mail(row.pk) == "unknown"
    sweep(now=now() + timedelta(hours=1))
    assert _again(row) == ""
    assert (len(api.seen), DeadLetter.objects.get().error) == (1, "unknown")


def test_parked_mail_is_sent_again_when_a_person_says_so(desk: World, api: Answers) -> None:
    api.queue = [(401, {})]
    row = queue()
    deliver_mail(row.pk)
    dead_letters.replay(actor=OPERATOR, dead_letter_id=DeadLetter.objects.get().pk)
    assert deliver_mail(row.pk) == "sent"


def test_mail_that_arrived_after_all_is_not_sent_again(desk: World, api: Answers) -> None:
    row = queue()
    MailDelivery.objects.filter(pk=row.pk).update(status="delivered", due_at=None)
    dead_letters.park(kind="integrations.maildelivery", ref=row.pk, error="unknown")
    with pytest.raises(Conflict):
        dead_letters.replay(actor=OPERATOR, dead_letter_id=DeadLetter.objects.get().pk)


def test_worker_killed_before_the_call_costs_nothing(desk: World, api: Answers) -> None:
    row = queue()
    MailDelivery.objects.filter(pk=row.pk).update(status="sending", attempts=1, due_at=now(), handed_at=None)
    sweep()
    assert deliver_mail(row.pk) == "sent"


def test_worker_killed_during_the_call_leaves_an_open_question(desk: World, api: Answers) -> None:
    row = queue()
    MailDelivery.objects.filter(pk=row.pk).update(status="sending", attempts=1, due_at=now(), handed_at=now())
    sweep()
    row.refresh_from_db()
    assert (row.status, row.error, api.seen) == ("unknown", "cut_off", [])


class Broken(MailReceiver):
    """Has a secret to fill in and cannot."""

    def on_event(self, event: MailEvent) -> None:
        pass

    def secrets_of(self, ref: UUID, text: str) -> Mapping[str, str]:
        raise LookupError


def test_mail_that_cannot_be_filled_in_waits_and_holds_up_no_other(desk: World, api: Answers) -> None:
    events.register("broken", Broken)
    broken, whole = queue("broken", type="broken", ref=uuid4()), queue("whole")
    deliver_due()
    broken.refresh_from_db()
    whole.refresh_from_db()
    assert (broken.status, broken.error, whole.status) == ("queued", "not_filled", "sent")


def test_open_breaker_postpones_without_an_attempt(desk: World, api: Answers) -> None:
    from core.reliability.circuit_breaker import breaker

    for _ in range(5):
        breaker(f"sendgrid:{desk.acme.pk}").failed()
    row = queue()
    assert deliver_mail(row.pk) == "queued"
    row.refresh_from_db()
    assert (row.attempts, row.error, api.seen) == (0, "breaker_open", [])


def test_due_mail_of_all_tenants_is_found_without_a_hint(world: World, api: Answers) -> None:
    connect(world)
    with tenant_scope(world.acme.pk):
        rows = [queue(f"k-{number}") for number in range(3)]
    assert deliver_due() == 3
    with tenant_scope(world.acme.pk):
        assert MailDelivery.objects.filter(pk__in=[row.pk for row in rows], status="sent").count() == 3


def test_of_two_workers_one_sends_the_mail(committed_world: World, api: Answers) -> None:
    connect(committed_world)
    api.wait = 0.05
    with tenant_scope(committed_world.acme.pk):
        row = queue()
    both, found = threading.Barrier(4), []

    def work() -> None:
        both.wait()
        with tenant_scope(committed_world.acme.pk):
            found.append(deliver_mail(row.pk))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sorted(found), len(api.seen)) == (["", "", "", "sent"], 1)


@pytest.mark.slow
def test_parallel_callers_with_one_key_make_one_mail(committed_world: World) -> None:
    both, found = threading.Barrier(4), []

    def work() -> None:
        both.wait()
        with tenant_scope(committed_world.acme.pk):
            found.append(queue("one").pk)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1

"""Outgoing webhooks: signatures, attempts, back-off, order, the guard, and what a receiver's answer does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import TestCase

from accounts.models import Notice
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.jobs import queues
from core.models import AuditEntry, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from core.tenancy.scope import tenant_scope
from core.webhooks import attempts as sending
from core.webhooks import deliveries, endpoints, signing, words
from core.webhooks.purposes import PURPOSES, Verdict, WebhookPurpose
from tests.edge.webhook_receiver import Receiver
from tests.world import World

PUBLISHED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CHANGE = "channels_app.change_channelaccount"


class Purpose(WebhookPurpose):
    """Rules that a test can bend, and what they were told."""

    permission = CHANGE
    says: ClassVar[Verdict] = Verdict()
    told: ClassVar[list[tuple[str, str]]] = []

    def verdict(self, delivery: WebhookDelivery, *, now: datetime) -> Verdict:
        return self.says

    def delivered(self, delivery: WebhookDelivery) -> None:
        self.told.append((delivery.key, "delivered"))

    def failed(self, delivery: WebhookDelivery, error: str) -> None:
        self.told.append((delivery.key, error))


@pytest.fixture(autouse=True)
def _purpose(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Purpose, "says", Verdict())
    monkeypatch.setattr(Purpose, "told", [])
    PURPOSES.register("tests", Purpose)
    yield
    PURPOSES._classes.pop("tests")


@dataclass
class Sender:
    """An endpoint of Acme's, and its clock."""

    world: World
    endpoint: WebhookEndpoint
    secret: str

    def queue(self, key: str = "", line: str = "", **event: Any) -> WebhookDelivery:
        return deliveries.queue_delivery(endpoint=self.endpoint, event_type="note", event=event, key=key, line=line)

    def rows(self) -> list[tuple[str, int, str]]:
        return list(WebhookDelivery.objects.order_by("id").values_list("state", "attempts", "error"))


def sender_of(world: World, url: str) -> Sender:
    actor = world.actor("owner")
    endpoint, secret = endpoints.save_endpoint(actor=actor, purpose="tests", ref=uuid4(), url=url)
    return Sender(world, endpoint, secret)


@pytest.fixture
def sender(acme: World, receiver: Receiver) -> Sender:
    return sender_of(acme, receiver.url)


def test_the_published_test_vector_is_signed_and_verified() -> None:
    body = b'{"test": 2432232314}'
    headers = signing.headers_for(
        secrets=[PUBLISHED], key="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=body
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signing.is_signed(secret=PUBLISHED, headers=headers, body=body, now=1614265330)


@pytest.mark.parametrize(
    ("changes", "body", "late"),
    [
        ({}, b"{} ", 0),
        ({}, b"{}", 301),
        ({}, b"{}", -301),
        ({"webhook-id": "msg_2"}, b"{}", 0),
        ({"webhook-id": ""}, b"{}", 0),
        ({"webhook-timestamp": "soon"}, b"{}", 0),
        ({"webhook-timestamp": "1614265331"}, b"{}", 0),
        ({"webhook-signature": ""}, b"{}", 0),
        ({"webhook-signature": "v1,é"}, b"{}", 0),
        ({"webhook-signature": "v2,g0hM9SsE"}, b"{}", 0),
    ],
)
def test_a_changed_stale_or_unsigned_webhook_is_not_verified(changes: dict[str, str], body: bytes, late: int) -> None:
    moment = 1614265330
    headers = signing.headers_for(secrets=[PUBLISHED], key="msg_1", timestamp=moment, body=b"{}")
    two = {**headers, "webhook-signature": f"v1,{'A' * 43}= {headers['webhook-signature']}"}
    assert signing.is_signed(secret=PUBLISHED, headers=two, body=b"{}", now=moment)
    assert not signing.is_signed(secret=PUBLISHED, headers={**headers, **changes}, body=body, now=moment + late)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_AAAA", "whsec_no base64!", "whsec_" + "A" * 92])
def test_a_secret_of_another_length_or_form_is_refused(secret: str) -> None:
    with pytest.raises(Invalid):
        signing.key_of(secret)


def test_a_delivery_arrives_once_signed_and_leaves_no_content_behind(sender: Sender, receiver: Receiver) -> None:
    first = sender.queue(key="msg_1", text="Olá", n=1)
    again = sender.queue(key="msg_1", text="another")
    states = [sending.deliver(first.pk), sending.deliver(first.pk)]
    first.refresh_from_db()
    attempt = WebhookAttempt.objects.get()
    assert (again.pk, states, first.body, len(receiver.got)) == (first.pk, ["delivered", ""], None, 1)
    assert receiver.got[0].is_signed_with(sender.secret)
    assert receiver.got[0].event["data"] == {"text": "Olá", "n": 1}
    assert (attempt.status, attempt.error, Purpose.told) == (204, "", [("msg_1", "delivered")])
    assert words.describe(attempt.error, attempt.status) == "Delivered: your server answered 204."


@pytest.mark.slow
def test_a_receiver_that_fails_is_tried_again_with_growing_pauses_then_given_up(
    sender: Sender, receiver: Receiver
) -> None:
    receiver.answer(*[500] * 20)
    delivery, moment, pauses = sender.queue(), now(), []
    while (state := sending.deliver(delivery.pk, now=moment)) == "waiting":
        delivery.refresh_from_db()
        pauses.append((delivery.due_at - moment).total_seconds())
        moment = max(delivery.due_at, moment + sending.LONGEST_REST)
    assert (state, pauses) == ("failed", [pause.total_seconds() for pause in sending.PAUSES])
    bodies = {got.body for got in receiver.got}
    keys = {got.key for got in receiver.got}
    assert (len(receiver.got), len(bodies), len(keys)) == (9, 1, 1)
    assert Purpose.told == [(delivery.key, "http_500")]
    notice = Notice.objects.filter(kind="webhooks").first()
    assert notice is not None
    assert notice.body == "Your server answered 500. Check its log."


@pytest.mark.parametrize(
    ("status", "headers", "error", "state", "wait"),
    [
        (302, {"Location": "https://elsewhere.example/"}, "redirected", "waiting", 5),
        (400, {}, "http_400", "waiting", 5),
        (429, {"Retry_After": "77"}, "http_429", "waiting", 77),
        (503, {"Retry_After": "99999999"}, "http_503", "waiting", 5),
        (503, {"Retry_After": "999999"}, "http_503", "waiting", 43_200),
        (503, {"Retry_After": "Wed, 21 Oct 2026 07:28:00 GMT"}, "http_503", "waiting", 5),
        (410, {}, "gone", "failed", 0),
    ],
)
def test_each_answer_of_a_receiver_has_its_outcome(
    sender: Sender, receiver: Receiver, status: int, headers: dict[str, str], error: str, state: str, wait: int
) -> None:
    receiver.answer(status, **headers)
    delivery, moment = sender.queue(), now()
    assert sending.deliver(delivery.pk, now=moment) == state
    delivery.refresh_from_db()
    assert (delivery.error, len(receiver.got)) == (error, 1)
    assert state == "failed" or (delivery.due_at - moment).total_seconds() == wait


def test_a_receiver_that_is_gone_is_switched_off_until_its_address_is_saved(sender: Sender, receiver: Receiver) -> None:
    receiver.answer(410)
    first, second = sender.queue(), sender.queue()
    assert [sending.deliver(one.pk) for one in (first, second)] == ["failed", "failed"]
    sender.endpoint.refresh_from_db()
    assert (sender.endpoint.state, sender.endpoint.last_error, len(receiver.got)) == ("gone", "gone", 1)
    assert Notice.objects.filter(kind="webhooks", title__contains="switched off").exists()
    actor = sender.world.actor("owner")
    sender.endpoint, secret = endpoints.save_endpoint(
        actor=actor, purpose="tests", ref=sender.endpoint.ref, url=receiver.url
    )
    deliveries.replay(actor=actor, delivery_id=first.pk)
    assert (secret, sending.deliver(first.pk), receiver.got[-1].key) == ("", "delivered", first.key)
    with pytest.raises(Conflict):
        deliveries.replay(actor=actor, delivery_id=first.pk)


def test_a_slow_receiver_costs_no_more_than_the_time_limit_and_then_rests(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PATIENCE", replace(sending.PATIENCE, read=0.2, total=0.3))
    receiver.pause = 0.5
    first, second, moment = sender.queue(), sender.queue(), now()
    assert [sending.deliver(one.pk, now=moment) for one in (first, second)] == ["waiting", ""]
    assert (sender.rows()[0][2], len(receiver.got)) == ("timed_out", 1)
    assert sending.list_due(now=moment + timedelta(seconds=1)) == []
    receiver.pause = 0
    assert sending.deliver(second.pk, now=moment + sending.REST) == "delivered"


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "[::1]", "localhost"])
def test_a_private_address_is_never_called(acme: World, host: str) -> None:
    sender = sender_of(acme, f"https://{host}:9/hook")
    delivery = sender.queue()
    assert (sending.deliver(delivery.pk), sender.rows()[0][2]) == ("failed", "egress_refused")


def test_a_receiver_that_is_down_is_tried_again(acme: World, receiver: Receiver) -> None:
    sender = sender_of(acme, "http://127.0.0.1:9/hook")
    delivery = sender.queue()
    assert (sending.deliver(delivery.pk), sender.rows()[0][2]) == ("waiting", "not_reachable")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://shop.example/hook",
        "ftp://shop.example",
        "https://1.2.3.999/",
        "https://",
        "https://user:password@shop.example/",
        "https://shop.example/#part",
        "https://shop.example/a b",
        "https://shöp.example/",
        "https://[::1",
        "https://shop.example:99999/",
        "https://shop.example/" + "a" * 500,
    ],
)
def test_an_address_that_cannot_take_webhooks_is_refused_with_the_field(acme: World, url: str) -> None:
    with pytest.raises(Invalid) as problem:
        endpoints.save_endpoint(actor=acme.actor("owner"), purpose="tests", ref=uuid4(), url=url)
    assert "url" in problem.value.facts["fields"]


def test_deliveries_of_a_line_keep_their_order_and_other_lines_pass(sender: Sender, receiver: Receiver) -> None:
    receiver.answer(400)
    one, two, other = sender.queue("1", "a"), sender.queue("2", "a"), sender.queue("3", "b")
    moment = now()
    sending.deliver(one.pk, now=moment)
    later = moment + sending.REST
    assert sending.deliver(two.pk, now=later - timedelta(seconds=1)) == ""
    assert [key for _, key in sending.list_due(now=later + sending.GRACE)] == [other.pk, one.pk]
    assert [sending.deliver(row.pk, now=later) for row in (other, two, one, two)] == [
        "delivered", "", "delivered", "delivered"
    ]  # fmt: skip
    assert [got.key for got in receiver.got] == ["1", "3", "1", "2"]


def test_one_task_goes_on_until_its_time_is_up_the_receiver_fails_or_the_endpoint_is_paused(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueued: list[str] = []
    monkeypatch.setitem(queues._tasks, "deliver_webhook", lambda _, delivery_id: enqueued.append(delivery_id))
    rows = [sender.queue(str(number)) for number in range(8)]

    def states() -> str:
        return "".join(state[0] for state, _, _ in sender.rows())

    with TestCase.captureOnCommitCallbacks(execute=True):
        assert (sending.deliver(rows[0].pk), states()) == ("delivered", "dwwwwwww")
    assert len(enqueued) == 1
    assert enqueued[0] in {str(row.pk) for row in rows[1:]}
    receiver.answer(204, 204, 500)
    assert (sending.deliver(rows[1].pk, seconds=60), states()) == ("delivered", "dddwwwww")
    assert [got.key for got in receiver.got] == ["0", "1", "2", "3"]
    # It has just failed: a single attempt, although there is time.
    assert (sending.deliver(rows[4].pk, now=now() + sending.REST, seconds=60), states()) == ("delivered", "dddwdwww")

    def pause(*_: object, **__: object) -> Verdict:
        endpoints.set_paused(actor=sender.world.actor("owner"), endpoint_id=sender.endpoint.pk, is_paused=True)
        return Verdict()

    monkeypatch.setattr(Purpose, "verdict", pause)
    assert (sending.deliver(rows[5].pk, seconds=60), states()) == ("delivered", "dddwddww")


def test_a_process_that_dies_while_it_goes_on_leaves_the_next_one_to_its_lease(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """The process ends here."""

    def die(_: object, delivery: WebhookDelivery) -> None:
        if delivery.key == "2":
            raise Killed

    first, second = sender.queue("1"), sender.queue("2")
    with monkeypatch.context() as patch:
        patch.setattr(Purpose, "delivered", die)
        with pytest.raises(Killed):
            sending.deliver(first.pk, seconds=60)
    assert sender.rows() == [("delivered", 1, ""), ("waiting", 1, "")]
    moment = now()
    assert sending.deliver(second.pk, now=moment + sending.LEASE / 2) == ""
    assert sending.deliver(second.pk, now=moment + sending.LEASE) == "delivered"
    assert [got.key for got in receiver.got] == ["1", "2", "2"]
    assert list(WebhookAttempt.objects.order_by("id").values_list("number", "error")) == [
        (1, ""),
        (1, "cut_off"),
        (2, ""),
    ]


def test_a_rotated_secret_signs_beside_the_old_one_until_the_overlap_ends(sender: Sender, receiver: Receiver) -> None:
    moment = now()
    new = endpoints.rotate_secret(actor=sender.world.actor("owner"), endpoint_id=sender.endpoint.pk, now=moment)
    sender.endpoint.refresh_from_db()
    for late in (timedelta(hours=23), timedelta(hours=25)):
        sending.deliver(sender.queue().pk, now=moment + late)
    during, after = receiver.got
    assert [got.is_signed_with(secret) for got in (during, after) for secret in (new, sender.secret)] == [
        True, True, True, False
    ]  # fmt: skip


def test_a_paused_endpoint_keeps_its_deliveries_until_it_is_resumed(sender: Sender, receiver: Receiver) -> None:
    actor, delivery = sender.world.actor("owner"), sender.queue()
    endpoints.set_paused(actor=actor, endpoint_id=sender.endpoint.pk, is_paused=True)
    assert (sending.deliver(delivery.pk), sending.list_due(now=now() + timedelta(days=1))) == ("", [])
    endpoints.set_paused(actor=actor, endpoint_id=sender.endpoint.pk, is_paused=False)
    assert (sending.deliver(delivery.pk), len(receiver.got)) == ("delivered", 1)


def test_the_purpose_is_asked_before_each_attempt(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery, moment = sender.queue(), now()
    monkeypatch.setattr(Purpose, "says", Verdict(until=moment + timedelta(hours=1)))
    assert sending.deliver(delivery.pk, now=moment) == "waiting"
    assert sender.rows() == [("waiting", 0, "")]
    monkeypatch.setattr(Purpose, "says", Verdict(reason="opted_out"))
    assert sending.deliver(delivery.pk, now=moment + timedelta(hours=1)) == "failed"
    assert (Purpose.told, receiver.got) == ([(delivery.key, "opted_out")], [])


def test_an_attempt_that_was_cut_off_is_repeated_after_its_lease(sender: Sender, receiver: Receiver) -> None:
    delivery, moment = sender.queue(), now()
    WebhookAttempt.objects.create(delivery=delivery, number=1, started_at=moment)
    WebhookDelivery.objects.filter(pk=delivery.pk).update(attempts=1, due_at=moment + sending.LEASE)
    assert sending.deliver(delivery.pk, now=moment) == ""
    assert sending.deliver(delivery.pk, now=moment + sending.LEASE) == "delivered"
    assert list(WebhookAttempt.objects.order_by("number").values_list("error", "status")) == [
        ("cut_off", None), ("", 204)
    ]  # fmt: skip


def test_only_those_with_the_right_may_change_endpoints_and_another_tenant_sees_none(
    sender: Sender, receiver: Receiver
) -> None:
    viewer, endpoint = sender.world.actor("viewer"), sender.endpoint
    for attempt in (
        lambda: endpoints.save_endpoint(actor=viewer, purpose="tests", ref=endpoint.ref, url=receiver.url),
        lambda: endpoints.rotate_secret(actor=viewer, endpoint_id=endpoint.pk),
        lambda: endpoints.set_paused(actor=viewer, endpoint_id=endpoint.pk, is_paused=True),
        lambda: deliveries.queue_test(actor=viewer, endpoint=endpoint),
    ):
        with pytest.raises(Refused):
            attempt()
    delivery = deliveries.queue_test(actor=sender.world.actor("owner"), endpoint=endpoint)
    with tenant_scope(sender.world.globex.pk):
        with pytest.raises(NotFound):
            endpoints.rotate_secret(actor=sender.world.outsider(), endpoint_id=endpoint.pk)
        assert sending.deliver(delivery.pk) == ""
    assert sending.deliver(delivery.pk) == "delivered"
    actions = AuditEntry.objects.filter(action__startswith="WEBHOOK").values_list("action", flat=True)
    assert sorted(actions) == ["WEBHOOK_ENDPOINT_SAVED", "WEBHOOK_TESTED"]


def test_old_deliveries_are_forgotten_and_waiting_ones_kept(sender: Sender, receiver: Receiver) -> None:
    done, waiting = sender.queue(), sender.queue()
    sending.deliver(done.pk)
    assert deliveries.forget_old(now=now() + timedelta(days=29)) == 0
    deliveries.forget_old(now=now() + timedelta(days=31))
    assert list(WebhookDelivery.objects.values_list("id", flat=True)) == [waiting.pk]


def test_workers_at_the_same_delivery_send_it_once(committed_world: World, receiver: Receiver) -> None:
    with tenant_scope(committed_world.acme.pk):
        sender = sender_of(committed_world, receiver.url)
        delivery = sender.queue(line="one")
    ready, results = threading.Barrier(4), []

    def work(delivery_id: UUID) -> None:
        try:
            with tenant_scope(committed_world.acme.pk):
                ready.wait()
                results.append(sending.deliver(delivery_id))
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(delivery.pk,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sorted(results), len(receiver.got)) == (["", "", "", "delivered"], 1)

"""Webhooks about events: who hears of what, how it is signed and tried, when an endpoint is switched off."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import standardwebhooks
import time_machine
from django.conf import settings
from django.db import connection
from django.test import Client

from accounts.models import Notice
from conversations import services as talk
from conversations.inbox import states
from conversations.types import SenderIdentity
from core import bus, catalogue
from core.bus import Event
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused, WalkerError
from core.ids import uuid7
from core.models import AuditEntry, Outbox, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from core.tenancy.scope import tenant_scope
from core.webhooks import attempts, deliveries
from integrations.outgoing_webhooks import events, selectors, services
from integrations.outgoing_webhooks.models import WebhookSubscription
from integrations.outgoing_webhooks.services import EndpointSettings
from tests.conversations.conftest import make_shop
from tests.core.bus.consumers import take_until
from tests.edge.webhook_receiver import Got, Receiver
from tests.world import World

CLOSED, OPENED = "conversation_closed", "conversation_opened"
DATA = {"conversation": "0199aaaa-0000-7000-8000-000000000001", "state": "closed", "resolved": True}
HOW_TO = Path(settings.BASE_DIR) / "docs/how-to/receive-webhooks.md"


def event(type: str = CLOSED, created_at: datetime | None = None) -> Event:
    """Return an event as the bus hands it over."""
    return Event(uuid7(), type, 1, "conversation-staff:x", 1, dict(DATA), created_at or now(), None)


@dataclass
class Hooks:
    """An endpoint of Acme's that an owner has added."""

    world: World
    row: WebhookSubscription
    secret: str

    def happen(self, *events_: Event) -> list[WebhookDelivery]:
        """Let events be taken in; return all deliveries."""
        events.take_events(events_ or (event(),))
        return list(WebhookDelivery.objects.order_by("id"))

    def call(self, service: Callable[..., Any], role: str = "owner", **arguments: Any) -> Any:
        return service(actor=self.world.actor(role), endpoint_id=self.row.pk, **arguments)

    @property
    def endpoint(self) -> WebhookEndpoint:
        found: WebhookEndpoint = WebhookEndpoint.objects.get(pk=self.row.endpoint_id)
        return found

    def fail_for(self, span: timedelta, delivery: WebhookDelivery, moment: datetime) -> datetime:
        """Attempt a delivery for some time; return when it ended."""
        until = moment + span
        while moment < until and attempts.deliver(delivery.pk, now=moment) != "failed":
            delivery.refresh_from_db()
            moment = max(delivery.due_at, moment + attempts.LONGEST_REST)
        return moment


def add(world: World, url: str, name: str = "Warehouse", *types: str) -> Hooks:
    made = services.create_endpoint(actor=world.actor("owner"), wanted=EndpointSettings(name, url, types))
    return Hooks(world, made.subscription, made.secret)


@pytest.fixture(autouse=True)
def _ids_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ids that were made in the future not be those of later tests: they only ever grow."""
    monkeypatch.setattr("core.ids._last", 0)


@pytest.fixture
def hooks(acme: World, receiver: Receiver) -> Hooks:
    return add(acme, receiver.url)


def judge(got: Got, secret: str) -> Any:
    """Let the reference library verify a webhook."""
    return standardwebhooks.Webhook(secret).verify(got.body, got.headers)


def test_an_event_arrives_once_as_ids_and_states_and_the_reference_library_verifies_it(
    hooks: Hooks, receiver: Receiver
) -> None:
    happened = event()
    hooks.happen(happened, happened)
    [delivery] = hooks.happen(happened)
    receiver.bodies.append(b"thanks, ana.souza@example.com\x07 " + b"x" * 9000)
    receiver.answer(200)
    assert [attempts.deliver(delivery.pk), attempts.deliver(delivery.pk)] == ["delivered", ""]
    [got] = receiver.got
    said = judge(got, hooks.secret)
    assert said == {
        "type": CLOSED,
        "timestamp": happened.created_at.astimezone(UTC).isoformat(),
        "version": 1,
        "data": DATA,
    }
    assert got.key == events.key_of(hooks.row.endpoint_id, happened.id) == delivery.key
    answer = WebhookAttempt.objects.get().answer
    assert answer.startswith("thanks, ")
    assert len(answer) <= attempts.ANSWER_LIMIT
    assert [part for part in ("ana.souza", "\x07") if part in answer] == []
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        judge(Got(got.headers, got.body + b" "), hooks.secret)


def test_the_how_tos_function_verifies_what_the_library_verifies(hooks: Hooks, receiver: Receiver) -> None:
    [code] = [one for one in re.findall(r"```python\n(.*?)```", HOW_TO.read_text(), re.S) if "is_from_walker" in one]
    names: dict[str, Any] = {}
    exec(compile(code, "how-to", "exec"), names)  # noqa: S102  (our own page)
    verify = names["is_from_walker"]
    attempts.deliver(hooks.happen()[0].pk)
    [got] = receiver.got
    assert verify(hooks.secret, got.headers, got.body)
    for headers, body in (
        ({**got.headers, "webhook-id": "msg_2"}, got.body),
        ({**got.headers, "webhook-timestamp": "1"}, got.body),
        ({**got.headers, "webhook-signature": "v1,AAAA"}, got.body),
        ({}, got.body),
        (got.headers, got.body + b" "),
    ):
        assert not verify(hooks.secret, headers, body)


def test_endpoints_hear_of_the_events_they_chose_and_of_nothing_before_they_were_added(
    acme: World, receiver: Receiver
) -> None:
    before = event()
    everything = add(acme, receiver.url, "All")
    closings = add(acme, receiver.url, "Closings", CLOSED)
    everything.happen(before, event(OPENED), event(CLOSED))
    found = WebhookDelivery.objects.values_list("endpoint__subscription__name", "event_type").order_by("id")
    assert sorted(found) == [("All", CLOSED), ("All", OPENED), ("Closings", CLOSED)]
    with tenant_scope(acme.globex.pk):
        events.take_events([event()])
        assert not WebhookDelivery.objects.exists()
    assert closings.row.event_types == [CLOSED]


def test_endpoint_is_told_old_names_until_it_asks_for_those_of_one_style(acme: World, receiver: Receiver) -> None:
    owner = acme.actor("owner")
    old = add(acme, receiver.url, "Old", CLOSED)
    wanted = EndpointSettings("New", receiver.url, ("conversation.closed", "message.written", CLOSED), 2)
    new = services.create_endpoint(actor=owner, wanted=wanted).subscription
    assert new.event_types == ["agent_response", CLOSED]

    def told() -> list[tuple[str, str]]:
        events.take_events([event()])
        rows = WebhookDelivery.objects.order_by("-id").select_related("endpoint__subscription")[:2]
        assert {json.loads(row.body)["type"] == row.event_type for row in rows} == {True}
        return sorted((row.endpoint.subscription.name, row.event_type) for row in rows)

    assert told() == [("New", "conversation.closed"), ("Old", CLOSED)]
    old.call(services.revise_endpoint, wanted=EndpointSettings("Old", receiver.url, (CLOSED,), 2))
    assert told() == [("New", "conversation.closed"), ("Old", "conversation.closed")]
    services.send_test(actor=owner, endpoint_id=new.pk)
    assert WebhookDelivery.objects.latest("id").event_type == "webhook.tested"


@pytest.mark.slow
def test_log_is_narrowed_by_either_name_of_a_type(acme: World, receiver: Receiver, client: Client) -> None:
    owner = acme.actor("owner")
    old = add(acme, receiver.url, "Old")
    new = services.create_endpoint(actor=owner, wanted=EndpointSettings("New", receiver.url, (), 2)).subscription
    events.take_events([event(), event(OPENED)])
    services.send_test(actor=owner, endpoint_id=new.pk)
    client.force_login(acme.people["owner"], backend="accounts.backends.RoleBackend")

    def found(name: str) -> list[str]:
        page = client.get("/admin/core/webhookdelivery/", {"event": name})
        return sorted(row.event_type for row in page.context["cl"].result_list)

    both = ["conversation.closed", CLOSED]
    assert {name: found(name) for name in both} == dict.fromkeys(both, both)
    assert (found("webhook.tested"), len(found("nonsense"))) == (["webhook.tested"], 5)
    assert re.search(
        r'<option value="conversation.closed" selected>',
        client.get("/admin/core/webhookdelivery/", {"event": CLOSED}).content.decode(),
    )
    for row, name in ((old.row, CLOSED), (new, "conversation.closed")):
        for asked in both:
            answer = client.get(f"/api/v1/webhook-endpoints/{row.pk}/deliveries/", {"event_type": asked})
            assert [each["event_type"] for each in answer.json()["results"]] == [name]


@pytest.mark.slow
def test_eight_attempts_in_three_days_with_jitter_then_it_is_given_up_and_can_be_sent_again(
    hooks: Hooks, receiver: Receiver
) -> None:
    receiver.answer(*[500] * 8)
    [delivery] = hooks.happen()
    begun = moment = now()
    moment = hooks.fail_for(timedelta(days=9), delivery, moment)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error, len(receiver.got)) == ("failed", "http_500", 8)
    assert timedelta(days=2.6) < moment - begun < timedelta(days=3.4)
    assert len({got.body for got in receiver.got}) == len({got.key for got in receiver.got}) == 1
    assert hooks.endpoint.state == "active"
    hooks.call(services.resend_delivery, delivery_id=delivery.pk)
    WebhookEndpoint.objects.update(rest_until=None)
    assert (attempts.deliver(delivery.pk), receiver.got[-1].key) == ("delivered", delivery.key)
    hooks.call(services.resend_delivery, delivery_id=delivery.pk)
    assert (attempts.deliver(delivery.pk), len(receiver.got)) == ("delivered", 10)


@pytest.mark.slow
def test_an_endpoint_that_only_failed_for_five_days_is_switched_off_and_says_so(
    hooks: Hooks, receiver: Receiver
) -> None:
    receiver.answer(*[500] * 30)
    begun = moment = now()
    while hooks.endpoint.state == "active":
        with time_machine.travel(moment, tick=False):
            hooks.happen(event(created_at=moment))
        moment = hooks.fail_for(timedelta(days=1), WebhookDelivery.objects.latest("id"), moment)
    assert timedelta(days=5) <= moment - begun < timedelta(days=6.5)
    assert hooks.endpoint.state == "off"
    notices = Notice.objects.filter(title__contains="switched off")
    assert {notice.level for notice in notices} == {"alert"}
    assert notices.count() == 2  # owner and admin
    assert Outbox.objects.filter(event="notice_alerted").count() >= 2
    entry = AuditEntry.objects.get(action="WEBHOOKS_SWITCHED_OFF")
    assert (entry.old_state, entry.new_state, entry.facts["error"]) == ("active", "off", "http_500")
    # What waited is noted as failed, and so is what happens meanwhile.
    for delivery in WebhookDelivery.objects.filter(state="waiting"):
        assert attempts.deliver(delivery.pk, now=moment + timedelta(days=3)) == "failed"
    sent = len(receiver.got)
    missed = hooks.happen()[-1]
    assert (missed.state, missed.error) == ("failed", "switched_off")
    with pytest.raises(Conflict):
        hooks.call(services.resend_delivery, delivery_id=missed.pk)
    receiver.answers.clear()
    hooks.call(services.turn_on_endpoint)
    hooks.call(services.resend_delivery, delivery_id=missed.pk)
    assert (attempts.deliver(missed.pk), len(receiver.got)) == ("delivered", sent + 1)


@pytest.mark.slow
def test_one_success_within_five_days_starts_the_count_again(hooks: Hooks, receiver: Receiver) -> None:
    moment = now()
    for day in range(8):
        receiver.answer(204 if day == 4 else 500)
        with time_machine.travel(moment + timedelta(days=day), tick=False):
            attempts.deliver(hooks.happen()[-1].pk)
    assert hooks.endpoint.state == "active"


def test_gone_switches_off_at_once_and_ends_what_waits(hooks: Hooks, receiver: Receiver) -> None:
    receiver.answer(410)
    first, second = hooks.happen(event(), event())
    assert [attempts.deliver(row.pk) for row in (first, second)] == ["failed", "failed"]
    assert (hooks.endpoint.state, len(receiver.got)) == ("gone", 1)
    assert Notice.objects.filter(level="alert", title__contains="switched off").count() == 2
    hooks.happen()
    assert WebhookDelivery.objects.count() == 2


@pytest.mark.parametrize(
    ("status", "headers", "error", "least"),
    [
        (429, {"Retry_After": "7200"}, "http_429", 7200),
        (503, {"Retry_After": "DATE"}, "http_503", 3590),
        (302, {"Location": "http://127.0.0.1:9/"}, "redirected", 4),
    ],
)
def test_retry_after_is_kept_and_redirects_are_not_followed(
    hooks: Hooks, receiver: Receiver, status: int, headers: dict[str, str], error: str, least: int
) -> None:
    moment = now()
    later = (moment + timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    receiver.answer(status, **{name: value.replace("DATE", later) for name, value in headers.items()})
    first, second = hooks.happen(event(), event())
    assert [attempts.deliver(row.pk, now=now()) for row in (first, second)] == ["waiting", ""]
    first.refresh_from_db()
    assert (first.error, len(receiver.got)) == (error, 1)
    assert (first.due_at - moment).total_seconds() >= least
    # The whole endpoint waits, not this delivery alone.
    if status != 302:
        assert (hooks.endpoint.rest_until - moment).total_seconds() >= least  # type: ignore[operator]


def test_a_span_is_sent_again_and_what_makes_no_sense_is_refused(hooks: Hooks, receiver: Receiver) -> None:
    receiver.answer(204, 400)
    rows = hooks.happen(event(), event(), event())
    for row in rows:
        WebhookEndpoint.objects.update(rest_until=None)
        attempts.deliver(row.pk)
    assert [row.state for row in WebhookDelivery.objects.order_by("id")] == ["delivered", "waiting", "delivered"]
    WebhookDelivery.objects.filter(state="waiting").update(state="failed", done_at=now())
    since = now() - timedelta(hours=1)
    assert hooks.call(services.resend_span, since=since).count == 1
    WebhookDelivery.objects.filter(state="waiting").update(state="failed", done_at=now())
    assert hooks.call(services.resend_span, since=since, only_failed=False).count == 3
    assert hooks.call(services.resend_span, since=since - timedelta(days=1), until=since).count == 0
    for wrong in ({"until": since - timedelta(hours=1)}, {"since": since - timedelta(days=40)}):
        with pytest.raises(Invalid):
            hooks.call(services.resend_span, **{"since": since, **wrong})
    entry = AuditEntry.objects.filter(action="WEBHOOKS_SENT_AGAIN").latest("seq")
    assert entry.facts["count"] == 0


def test_a_new_secret_signs_beside_the_old_one_for_a_day(hooks: Hooks, receiver: Receiver) -> None:
    new = hooks.call(services.rotate_secret).secret
    attempts.deliver(hooks.happen()[0].pk)
    [got] = receiver.got
    assert judge(got, hooks.secret) == judge(got, new)
    with time_machine.travel(now() + timedelta(hours=25), tick=False):
        attempts.deliver(hooks.happen()[-1].pk)
        assert judge(receiver.got[-1], new)
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            judge(receiver.got[-1], hooks.secret)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.2/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://localhost/",
        "https://no-such-host.invalid/",
        "http://93.184.216.34/",
        "https://93.184.216.34/\r\nX-Injected: yes",
        "https://user:pass@93.184.216.34/",
        "https://0177.0.0.1/",
        "javascript:alert(1)",
        "",
    ],
)
def test_an_address_inside_or_of_another_kind_is_refused_and_nothing_is_saved(
    acme: World, receiver: Receiver, url: str
) -> None:
    with pytest.raises(Invalid) as problem:
        add(acme, url)
    assert list(problem.value.facts["fields"]) == ["url"]
    assert not WebhookEndpoint.objects.exists()


def test_a_name_that_leads_inside_later_is_not_called(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    [delivery] = hooks.happen()
    monkeypatch.setattr(settings, "WEBHOOK_HOSTS", [])
    WebhookEndpoint.objects.filter(pk=hooks.row.endpoint_id).update()
    row = hooks.endpoint
    row.url = receiver.url.replace("http://", "https://")
    row.save()
    assert attempts.deliver(delivery.pk) == "failed"
    delivery.refresh_from_db()
    assert (delivery.error, receiver.got) == ("egress_refused", [])


def test_bad_settings_are_refused_with_all_fields(hooks: Hooks, receiver: Receiver) -> None:
    wanted = EndpointSettings(" ", "ftp://x", ("no_such_event",), 7)
    with pytest.raises(Invalid) as problem:
        services.create_endpoint(actor=hooks.world.actor("owner"), wanted=wanted)
    assert set(problem.value.facts["fields"]) == {"name", "url", "event_types", "payload_version"}
    with pytest.raises(Conflict) as same:
        add(hooks.world, receiver.url)
    assert same.value.code == "exists"
    wanted = EndpointSettings("Other", receiver.url)
    with pytest.raises(Conflict) as stale:
        hooks.call(services.revise_endpoint, wanted=wanted, seen_version=7)
    assert stale.value.code == "stale_version"


def test_an_organisation_has_a_limited_number_of_endpoints(
    acme: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "WEBHOOK_ENDPOINTS", 2)
    for number in range(2):
        add(acme, receiver.url, f"Number {number}")
    with pytest.raises(Conflict) as problem:
        add(acme, receiver.url, "One more")
    assert problem.value.code == "too_many"
    with tenant_scope(acme.globex.pk):
        services.create_endpoint(actor=acme.outsider(), wanted=EndpointSettings("Own", receiver.url))


def test_changing_the_address_leaves_a_switched_off_endpoint_off(hooks: Hooks, receiver: Receiver) -> None:
    WebhookEndpoint.objects.update(state="off")
    wanted = EndpointSettings("Renamed", f"{receiver.url}/new", (CLOSED,))
    saved = hooks.call(services.revise_endpoint, wanted=wanted, seen_version=1)
    assert (saved.name, saved.version, hooks.endpoint.state) == ("Renamed", 2, "off")
    assert hooks.endpoint.url == f"{receiver.url}/new"


def test_a_removed_endpoint_loses_its_secret_at_once_and_its_log_by_the_sweep(hooks: Hooks, receiver: Receiver) -> None:
    rows = hooks.happen(event(), event())
    attempts.deliver(rows[0].pk)
    hooks.call(services.remove_endpoint, seen_version=1)
    assert (hooks.endpoint.url, hooks.endpoint.secrets) == ("", {})
    assert (attempts.deliver(rows[1].pk), len(receiver.got)) == ("failed", 1)
    for _ in range(2):
        deliveries.forget_old()
    assert (WebhookDelivery.objects.count(), WebhookEndpoint.objects.count()) == (0, 0)


def test_paused_endpoints_keep_events_for_thirty_days(hooks: Hooks, receiver: Receiver) -> None:
    hooks.call(services.pause_endpoint)
    [delivery] = hooks.happen()
    assert attempts.deliver(delivery.pk) == ""
    deliveries.forget_old(now=now() + timedelta(days=29))
    assert WebhookDelivery.objects.count() == 1
    deliveries.forget_old(now=now() + timedelta(days=31))
    assert WebhookDelivery.objects.count() == 0


ROLES = {"owner": (True, True), "admin": (True, True), "compliance": (True, False)}
CHANGES: dict[str, dict[str, Any]] = {
    "revise_endpoint": {"wanted": EndpointSettings("New", "https://93.184.216.34/")},
    "rotate_secret": {},
    "pause_endpoint": {},
    "turn_on_endpoint": {},
    "send_test": {},
    "resend_span": {"since": datetime(2026, 1, 1, tzinfo=UTC)},
    "resend_delivery": {"delivery_id": UUID(int=1)},
    "remove_endpoint": {},
}


def _answer(what: Callable[[], Any]) -> type[Exception] | None:
    try:
        what()
    except WalkerError as problem:
        return type(problem)
    return None


@pytest.mark.parametrize("role", ["owner", "admin", "approver", "support", "compliance", "viewer"])
def test_who_may_see_and_change_endpoints(hooks: Hooks, role: str) -> None:
    sees, changes = ROLES.get(role, (False, False))
    viewer = hooks.world.actor(role)
    seen = _answer(lambda: selectors.get_endpoint(viewer=viewer, endpoint_id=hooks.row.pk))
    assert (seen is None) == sees
    for name, arguments in CHANGES.items():
        answer = _answer(lambda: hooks.call(getattr(services, name), role, **arguments))  # noqa: B023
        assert (answer is not Refused) == changes, name
    with tenant_scope(hooks.world.globex.pk):
        stranger = hooks.world.outsider()
        for name, arguments in CHANGES.items():
            service = getattr(services, name)
            answer = _answer(lambda: service(actor=stranger, endpoint_id=hooks.row.pk, **arguments))  # noqa: B023
            assert answer is NotFound, name


def test_no_secret_or_address_is_in_audit_rows_or_tables(
    hooks: Hooks, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    row = hooks.endpoint
    row.url = f"{receiver.url}/token-4711"
    row.save()
    receiver.answer(500)
    attempts.deliver(hooks.happen()[0].pk)
    new = hooks.call(services.rotate_secret).secret
    hooks.call(services.send_test)
    hooks.call(services.pause_endpoint)
    told = json.dumps(list(AuditEntry.objects.values("action", "facts", "object_type")), default=str)
    told += repr(services.WithSecret(hooks.row, new)) + str(hooks.row) + repr(hooks.endpoint)
    told += " ".join(str(one) for one in Notice.objects.values_list("title", "body", "link")) + caplog.text
    with connection.cursor() as cursor:
        for table in ("core_webhookendpoint", "core_webhookdelivery", "core_webhookattempt"):
            cursor.execute(f"select t::text from {table} t")
            told += " ".join(line[0] for line in cursor.fetchall())
    assert [word for word in (new, hooks.secret, new[6:], "token-4711", "127.0.0.1") if word in told] == []


CANARIES = ("Ana Canária", "ana.canaria@example.com", "600 123 456", "my card is 4111 1111 1111 1111")


@pytest.mark.slow
def test_what_a_customer_wrote_reaches_no_webhook_and_no_log_on_the_way_through_the_bus(
    committed_world: World, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    world = committed_world
    with tenant_scope(world.acme.pk):
        bus.run_turn(only=[events.CONSUMER])
        hooks = add(world, receiver.url)
        shop = make_shop(world)
        sender = SenderIdentity(kind="phone", value="+34 600 123 456", verified=True, display_name=CANARIES[0])
        said = shop.write(" ".join(CANARIES), channel_account_id=shop.line.pk, sender=sender)
        actor = world.actor("owner")
        states.take_over(actor=actor, conversation_id=said.conversation_id)
        talk.close(actor=actor, conversation_id=said.conversation_id, resolved=True)

    def is_queued() -> bool:
        with tenant_scope(world.acme.pk):
            return WebhookDelivery.objects.filter(event_type=CLOSED).exists()

    take_until(is_queued, only=[events.CONSUMER])
    with tenant_scope(world.acme.pk):
        for delivery in WebhookDelivery.objects.order_by("id"):
            assert attempts.deliver(delivery.pk) == "delivered"
        told = b" ".join(got.body for got in receiver.got).decode() + caplog.text
        types = {judge(got, hooks.secret)["type"] for got in receiver.got}
        for got in receiver.got:
            shape = next(each for each in catalogue.list_published() if each.name == got.event["type"])
            assert set(got.event["data"]) <= set(shape.schema()["properties"])
    assert {"message_received", CLOSED} <= types
    assert [word for word in (*CANARIES, "Canária", "Hello", "4111 1111") if word in told] == []

"""What every channel promises, tried with its recording: a channel that is registered is tried, or this fails."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import resolve

from channels_app.kit import Channel, Verify, Without, pauses
from channels_app.kit.channel import channel_for, channels, doors_of, sources_of
from channels_app.kit.phones.channel import PhoneChannel
from channels_app.models import InboundDelivery
from channels_app.webhooks import deliveries, wake_worker
from conversations import registry, services
from conversations.contacts import erasure
from conversations.messages import delivery
from conversations.messages.files.rules import Upload, rules_of
from conversations.models import ChannelAccount, ContactPoint, Conversation, Message
from conversations.services import Draft, Sender
from conversations.types import COMMON, explain_common
from core.clock import now
from core.errors import WalkerError
from core.models import WebhookDelivery
from core.reach import ledger
from core.reach.gate import NotReachable
from core.reliability import circuit_breaker
from core.tenancy.scope import tenant_scope
from tests.channels_app.kit.recorder import Call, Door, Recording
from tests.channels_app.kit.recordings import OPENED_BY_VISITORS, RECORDED, Vendor, vendor
from tests.erasure.scene import finish, strong
from tests.world import OPERATOR, World

PAIRS = sorted((channel.kind, channel.provider) for channel in channels())
NESTED = "[" * 10_000


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Publish nothing to a broker, and reach no Slack."""
    circuit_breaker._breakers.clear()
    monkeypatch.setattr(wake_worker.stored, "give", lambda: None)
    monkeypatch.setattr("integrations.mail.services.wake", lambda: None)
    monkeypatch.setattr("channels_app.meta_whatsapp.read_marks._enqueue", lambda _: None)
    settings.MAIL_BYTES, settings.SLACK_API_BASE = 100_000, "http://127.0.0.1:1/api"


@pytest.fixture
def api(settings: Any) -> Iterator[Vendor]:
    """The vendor's API."""
    with vendor(settings) as found:
        yield found


def recorded(pair: tuple[str, str], world: World) -> tuple[type[Channel], Recording]:
    channel = channel_for(*pair)
    assert channel is not None
    return channel, RECORDED[pair].record(world)


def stored() -> int:
    return InboundDelivery.objects.count()


def answer(conversation: Conversation, text: str = "Fine", **more: Any) -> Message:
    """Write an answer and try once to send it."""
    draft = Draft(text=text, sender=Sender(type="system"), **more)
    message = services.reply(actor=OPERATOR, conversation_id=conversation.pk, draft=draft)
    delivery.deliver(message_id=message.pk)
    message.refresh_from_db()
    return message


def heard(recording: Recording, text: str = "Hello") -> Conversation:
    """Let a customer write, and return the conversation."""
    assert recording.write is not None
    recording.write(1, text)
    deliveries.dispatch_due_deliveries()
    return Conversation.objects.get(channel_account=recording.account.pk)


def said() -> list[str]:
    """Return what customers wrote, in order; an email's text comes after its subject."""
    rows = Message.objects.filter(direction="in").order_by("conversation", "seq")
    return [str(row.body).rpartition("\n")[2] for row in rows]


UNPROVEN: dict[str, Callable[[Door], Call]] = {
    "unsigned": lambda door: door.without_proof(),
    "signed with nothing": lambda door: door.with_proof(""),
    "wrongly signed": lambda door: door.with_proof("v0=00"),
    "for somebody else": lambda door: door.elsewhere(door.say()),
}
UNREADABLE: dict[str, Callable[[Door], Call]] = {
    "not JSON": lambda door: door.say(raw=b"{"),
    "too long": lambda door: door.say(raw=b"x" * (door.limit + 1)),
    "too deep": lambda door: door.say(raw=NESTED.encode()),
}


@pytest.mark.django_db
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
class TestChannel:
    """The promises, one test each."""

    def test_channel_has_a_recording_of_every_door_for_webhooks(self, pair: tuple[str, str], world: World) -> None:
        channel, recording = recorded(pair, world)
        assert set(recording.doors) == {door.name for door in doors_of(channel)} - OPENED_BY_VISITORS
        is_written_to = not isinstance(channel.transport, Without)
        assert (recording.write is not None) == is_written_to

    @pytest.mark.parametrize("how", UNPROVEN)
    def test_request_without_proof_is_refused_and_leaves_nothing(
        self, pair: tuple[str, str], how: str, world: World
    ) -> None:
        _, recording = recorded(pair, world)
        with tenant_scope(world.acme.pk):
            for name, door in recording.doors.items():
                call = UNPROVEN[how](door)
                assert resolve(call.path).url_name == name
                assert 400 <= call.post() < 500
            assert stored() == 0
            # What was refused was the lack of a proof: nothing else is wrong with these requests.
            assert {door.say().post() for door in recording.doors.values()} <= {200, 202}

    def test_stale_request_is_refused_where_its_time_is_signed(self, pair: tuple[str, str], world: World) -> None:
        channel, recording = recorded(pair, world)
        if not isinstance(channel.verify, Verify) or channel.verify.window is None:
            return
        found = []
        with tenant_scope(world.acme.pk):
            for door in recording.doors.values():
                for age in (channel.verify.window + 30, -channel.verify.window - 30):
                    found.append(door.say(age=int(age)).post())
            # SendGrid's other door has its secret in the address.
            assert {status for status in found if status >= 400} <= {401, 403}
            assert found.count(200) == stored() * 2 <= 2
            assert any(status >= 400 for status in found)

    @pytest.mark.parametrize("how", UNREADABLE)
    def test_unreadable_request_breaks_nothing(self, pair: tuple[str, str], how: str, world: World) -> None:
        _, recording = recorded(pair, world)
        with tenant_scope(world.acme.pk):
            for door in recording.doors.values():
                assert UNREADABLE[how](door).post() < 500
                assert how != "too long" or stored() == 0
            deliveries.dispatch_due_deliveries()
            assert set(InboundDelivery.objects.values_list("state", flat=True)) <= {"parked", "done"}
            if recording.write is not None:
                heard(recording)

    def test_replayed_request_is_one_event(self, pair: tuple[str, str], world: World) -> None:
        _, recording = recorded(pair, world)
        with tenant_scope(world.acme.pk):
            for number, door in enumerate(recording.doors.values(), start=1):
                call = door.say(7)
                assert {call.post() for _ in range(3)} <= {200, 202}
                assert stored() == number
            deliveries.dispatch_due_deliveries()
            assert Message.objects.filter(direction="in").count() <= 1

    def test_message_is_heard_once_though_it_comes_twice(self, pair: tuple[str, str], world: World) -> None:
        _, recording = recorded(pair, world)
        if recording.write is None:
            return
        with tenant_scope(world.acme.pk):
            for text in ("Hello", "Hello"):
                recording.write(1, text)
            recording.write(2, "And?")
            deliveries.dispatch_due_deliveries()
            assert said() == ["Hello", "And?"]

    def test_statuses_only_move_forward(self, pair: tuple[str, str], world: World, api: Vendor) -> None:
        _, recording = recorded(pair, world)
        if recording.reports is None or recording.write is None:
            return
        with tenant_scope(world.acme.pk):
            message = answer(heard(recording))
            assert message.status == "sent"
            reports = recording.reports(message)
            words = [word for word, _ in reports]
            last = words[0]
            for place in (-1, *range(len(reports))):
                word, report = reports[place]
                report()
                deliveries.dispatch_due_deliveries()
                message.refresh_from_db()
                last = max(last, word, key=words.index)
                assert message.status == last

    def test_what_the_medium_lacks_is_refused_before_any_call(
        self, pair: tuple[str, str], world: World, api: Vendor
    ) -> None:
        channel, recording = recorded(pair, world)
        if recording.write is None or isinstance(channel.transport, Without):
            return
        allowed = rules_of(channel.transport.medium)
        assert "text/html" not in allowed.sizes
        with tenant_scope(world.acme.pk):
            conversation = heard(recording)
            with pytest.raises(WalkerError):
                answer(conversation, files=[Upload("page.html", b"<html><script>1</script></html>")])
            assert (api.sent, Message.objects.filter(direction="out").count()) == ([], 0)

    @pytest.mark.parametrize("fault", [0, 429, 500], ids=["no answer", "too many", "broken"])
    def test_failed_call_is_not_made_again_at_once(
        self, pair: tuple[str, str], fault: int, world: World, api: Vendor
    ) -> None:
        channel, recording = recorded(pair, world)
        if isinstance(channel.codes, Without) or recording.write is None:
            return
        api.fault = fault
        with tenant_scope(world.acme.pk):
            message = answer(heard(recording))
            delivery.deliver(message_id=message.pk)
            message.refresh_from_db()
            assert len(api.sent) == 1
            assert message.status in ("queued", "sending", "sent")
            assert message.status == "sent" or message.next_attempt_at > now()

    def test_every_code_has_words(self, pair: tuple[str, str], world: World) -> None:
        channel, _ = recorded(pair, world)
        codes = {*COMMON, *(() if isinstance(channel.codes, Without) else channel.codes)}
        codes |= {*channel.closed_codes, *channel.stopped_codes} if issubclass(channel, PhoneChannel) else set()
        unknown = explain_common("a code that nobody knows").reason
        for code in codes:
            if isinstance(channel.transport, Without):
                assert not isinstance(channel.diagnosis, Without)
                explained = channel.diagnosis().explain(code)
            else:
                explained = registry.explain(*pair, code)
            assert explained is not None
            assert explained.reason not in ("", unknown), code

    def test_somebody_who_opted_out_is_not_written_to(self, pair: tuple[str, str], world: World, api: Vendor) -> None:
        _, recording = recorded(pair, world)
        if recording.write is None:
            return
        with tenant_scope(world.acme.pk):
            conversation = heard(recording)
            for point in ContactPoint.objects.all():
                ledger.add_lines(address_index=point.value_index, channel="any", state="blocked", source="staff")
            with contextlib.suppress(NotReachable):
                assert answer(conversation).status == "failed"
            assert (api.sent, WebhookDelivery.objects.count()) == ([], 0)

    def test_no_page_or_answer_shows_a_secret(self, pair: tuple[str, str], world: World) -> None:
        channel, recording = recorded(pair, world)
        with tenant_scope(world.acme.pk):
            account = ChannelAccount.objects.get(pk=recording.account.pk)
            kept = {name: str(text) for name, text in (account.credentials or {}).items()}
        named = set() if isinstance(channel.connect, Without) else set(channel.connect.secrets)
        secrets = {text for name, text in kept.items() if name in named or "secret" in name or "password" in name}
        # A key that verifies and proves nothing is no secret, and isn't shown all the same.
        assert secrets or pair[0] == "webchat"
        client = Client()
        client.force_login(world.people["owner"], backend="accounts.backends.RoleBackend")
        paths = (f"/admin/conversations/channelaccount/{account.pk}/", f"/api/v1/channel-accounts/{account.pk}/")
        shown = "".join(client.get(path).content.decode() for path in paths) + repr(account)
        assert account.name in shown
        assert [text for text in secrets if text in shown] == []

    def test_paused_channel_holds_what_comes_and_takes_it_up_again(self, pair: tuple[str, str], world: World) -> None:
        channel, recording = recorded(pair, world)
        owner = world.actor("owner")
        with tenant_scope(world.acme.pk):
            pauses.set_paused(actor=owner, account_id=recording.account.pk, paused=True, reason="Trying it")
            for door in recording.doors.values():
                assert door.say(5).post() in (200, 202)
            deliveries.dispatch_due_deliveries()
            held = {source.name for source in sources_of(channel) if source.is_held}
            rows = InboundDelivery.objects.filter(channel_account=recording.account.pk)
            assert set(rows.filter(provider__in=held).values_list("state", flat=True)) <= {"held"}
            assert not rows.exclude(provider__in=held).filter(state="held").exists()
            pauses.set_paused(actor=owner, account_id=recording.account.pk, paused=False)
            deliveries.dispatch_due_deliveries()
            assert not rows.filter(state__in=("held", "received")).exists()

    @pytest.mark.slow
    def test_erasure_of_a_customer_leaves_no_word(self, pair: tuple[str, str], world: World) -> None:
        _, recording = recorded(pair, world)
        if recording.write is None:
            return
        word = "Rumpelstilzchen"
        with tenant_scope(world.acme.pk):
            conversation = heard(recording, word)
            officer = strong(world.actor("compliance"))
            asked = erasure.erase_contact(actor=officer, contact_id=conversation.contact_id, reason="asked_for")
            finish(asked.pk, limit=50)
            rows = InboundDelivery.objects.filter(channel_account=recording.account.pk)
            assert [row.pk for row in rows if row.body and word in row.body] == []
            assert set(rows.values_list("queue_key", flat=True)) <= {"erased"}
            assert [row.pk for row in Message.objects.all() if word in str(row.body)] == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_one_event_in_two_workers_is_one_message(pair: tuple[str, str], committed_world: World) -> None:
    _, recording = recorded(pair, committed_world)
    if recording.write is None:
        return
    with tenant_scope(committed_world.acme.pk):
        recording.write(1, "Hello")
        recording.write(2, "And?")
    start = threading.Barrier(2)

    def work() -> None:
        try:
            start.wait(timeout=30)
            deliveries.dispatch_due_deliveries()
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    deliveries.dispatch_due_deliveries()
    with tenant_scope(committed_world.acme.pk):
        assert said() == ["Hello", "And?"]


def test_every_channel_and_no_other_is_recorded() -> None:
    assert set(RECORDED) == set(PAIRS)

"""Bad input at every door: what each answers, what it keeps, and that the next message is unharmed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from prometheus_client import generate_latest

from channels_app.models import InboundDelivery
from channels_app.webhooks import deliveries, wake_worker
from conversations.models import Contact, Message
from core.observability.metrics import REGISTRY
from core.tenancy.scope import tenant_scope
from tests.channels_app.conftest import Widgets
from tests.channels_app.kit.recorder import Call, Door
from tests.channels_app.kit.recordings import PAIR_OF_DOOR, RECORDED
from tests.world import World

pytestmark = pytest.mark.slow

ODD, LONG, NESTED = "nul \0 and half \ud83d", "N" * 10_000, "[" * 10_000

# Each row: how the door is called with something bad, more than once for "replayed".
ROWS: dict[str, Callable[[Door], list[Call]]] = {
    "no proof": lambda door: [door.without_proof()],
    "empty proof": lambda door: [door.with_proof("")],
    "wrong proof": lambda door: [door.with_proof("v0=00")],
    "odd proof": lambda door: [door.with_proof("Bearer é")],
    "changed body": lambda door: [replace(door.say(), body=door.say().body + b"&x=1")],
    "unknown address": lambda door: [door.elsewhere(door.say())],
    "odd address": lambda door: [replace(door.say(), path=door.say().path.replace("acme", "%00"))],
    "replayed": lambda door: [door.say(2)] * 3,
    "signed long ago": lambda door: [door.say(3, age=301)],
    "signed ahead": lambda door: [door.say(3, age=-330)],
    "too large": lambda door: [door.say(raw=b"x" * (door.limit + 1))],
    "unknown type": lambda door: [door.say(4, kind="martian")],
    "empty body": lambda door: [door.say(raw=b" ")],
    "no JSON": lambda door: [door.say(raw=b"{")],
    "no object": lambda door: [door.say(raw=b"null")],
    "no text": lambda door: [door.say(raw=b"\xff\xfe")],
    "too many fields": lambda door: [door.say(raw=b"a=1&" * 5_000)],
    "10,000 brackets": lambda door: [door.say(raw=NESTED.encode())],
    "NUL and half a character": lambda door: [door.say(5, text=ODD)],
    "name of 10,000 characters": lambda door: [door.say(6, name=LONG)],
}
OFTEN_WITHOUT_MEANING = {"odd address", "changed body", "signed long ago", "signed ahead"}
"""Most doors don't sign the time, some have one address for all, and one has its secret in there."""


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Publish nothing to a broker, and reach no Slack."""
    monkeypatch.setattr(wake_worker.stored, "give", lambda: None)
    monkeypatch.setattr("integrations.mail.services.wake", lambda: None)
    settings.MAIL_BYTES, settings.SLACK_API_BASE = 100_000, "http://127.0.0.1:1/api"


def counts(provider: str) -> dict[str, float]:
    """Return how many were refused, by reason."""
    line = f'walker_webhook_refused_total{{provider="{provider}",reason="'
    rows = [row.removeprefix(line) for row in generate_latest(REGISTRY).decode().splitlines() if row.startswith(line)]
    return {reason: float(count) for reason, _, count in (row.partition('"} ') for row in rows)}


def cell(door: Door, calls: list[Call]) -> str:
    """Return the status, the reason that was counted, and what was stored, once it was worked."""
    before, known = counts(door.provider), set(InboundDelivery.objects.values_list("pk", flat=True))
    statuses = {call.post() for call in calls}
    deliveries.dispatch_due_deliveries()
    reasons = [reason for reason, count in counts(door.provider).items() if count > before.get(reason, 0)]
    left = InboundDelivery.objects.exclude(pk__in=known).values_list("state", flat=True)
    said = " ".join([*map(str, sorted(statuses)), *reasons])
    return f"{said}: {' '.join(left) or 'nothing'}"


@pytest.mark.django_db
@pytest.mark.parametrize("name", PAIR_OF_DOOR)
def test_each_kind_of_bad_input_is_refused_kept_or_parked_and_harms_no_sibling(name: str, world: World) -> None:
    door = RECORDED[PAIR_OF_DOOR[name]].record(world).doors[name]
    with tenant_scope(world.acme.pk):
        assert set(ROWS) - set(door.bad) <= OFTEN_WITHOUT_MEANING
        found = {row: cell(door, ROWS[row](door)) for row in door.bad}
        assert found == door.bad
        assert cell(door, [door.say(99, text="U99")]) in ("200: done", "202: done")
        assert Client().get(door.say().path).status_code == door.get
        if door.has_messages:
            assert [message.pk for message in Message.objects.all() if "U99" in message.body] != []
            assert {len(one.display_name) for one in Contact.objects.all()} <= set(range(1, 121))


# The chat socket answers with frames, and ends the line after what no client of ours sends.
SAID = {"type": "send_message", "id": str(uuid4()), "message": "Hello"}
FRAMES: dict[str, tuple[Any, str | int]] = {
    "replayed": (SAID, "message_received"),
    "too large": ({**SAID, "message": "x" * 66_000}, 4400),
    "too long": ({**SAID, "message": "x" * 4097}, "too_long"),
    "unknown type": ({"type": "martian"}, "unknown_type"),
    "no JSON": ("{", "bad_frame"),
    "no object": ("null", "bad_frame"),
    "10,000 brackets": (NESTED, "bad_frame"),
    "NUL and half a character": ({**SAID, "id": str(uuid4()), "message": ODD}, "message_received"),
    "name of 10,000 characters": ({**SAID, "agent": LONG}, "bad_frame"),
}


def count_messages(world: World) -> int:
    with tenant_scope(world.acme.pk):
        return Message.objects.count()


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_each_kind_of_bad_frame_is_answered_and_harms_no_sibling(
    chat: Any, committed_world: World, live_widgets: Widgets
) -> None:
    found: dict[str, str | int] = {}
    known = await chat(live_widgets.acme)
    await known.send("Hello", UUID(SAID["id"]))
    for row, (frame, expected) in FRAMES.items():
        line = known if row == "replayed" else await chat(live_widgets.acme, visitor=known.visitor)
        await line.say(frame)
        if isinstance(expected, int):
            found[row] = await line.close_code()
            continue
        heard = await line.hear()
        found[row] = heard.get("code") or heard["type"]
        assert (await line.send("Fine"))["content"] == "Fine"
    assert found == {row: expected for row, (_, expected) in FRAMES.items()}
    stored = await sync_to_async(count_messages)(committed_world)
    assert stored == 2 + sum(not isinstance(expected, int) for _, expected in FRAMES.values())

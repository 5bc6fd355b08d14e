"""The chat socket: who gets a line, and when it ends."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from accounts.models import Membership
from channels_app.web_chat import consumer, event_stream, identity
from channels_app.web_chat.settings.limits import Bucket
from channels_app.web_chat.shared_reads import Entries
from core.clock import now
from core.tenancy.models import tenant_scope
from tests.channels_app.conftest import SECRET, Widgets, session_of
from tests.world import World

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


async def token(account: Any, **proofs: str) -> str:
    return (await sync_to_async(session_of)(account, **proofs)).token


# ---- signing in


@sync_to_async
def switch_widget_off(account: Any) -> None:
    with tenant_scope(account.tenant_id):
        type(account).objects.filter(pk=account.pk).update(is_active=False)


@sync_to_async
def close_membership(world: World, role: str) -> None:
    with tenant_scope(world.acme.pk):
        Membership.objects.filter(user=world.people[role]).update(is_active=False)


async def test_open_line_ends_when_its_widget_is_switched_off(
    chat: Any, live_widgets: Widgets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "POLL_EVERY", 0.1)
    monkeypatch.setattr(event_stream, "RIGHTS_EVERY", 0.0)
    line = await chat(live_widgets.acme)
    await switch_widget_off(live_widgets.acme)
    assert await line.close_code() == 4401


async def test_open_line_of_a_member_ends_with_his_membership(
    chat: Any, committed_world: World, live_widgets: Widgets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "POLL_EVERY", 0.1)
    monkeypatch.setattr(event_stream, "RIGHTS_EVERY", 0.0)
    email, key = committed_world.people["support"].email, live_widgets.acme.public_key
    signed = identity.sign(secret=SECRET, widget=key, subject=email, now=now())
    line = await chat(live_widgets.acme, signed_identity=signed)
    assert line.connected["signed_in"] == "member"
    await close_membership(committed_world, "support")
    assert await line.close_code() == 4401


async def test_line_without_auth_is_closed_in_time(
    dial: Any, live_widgets: Widgets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "AUTH_WITHIN", 0.05)
    line = await dial()
    assert await line.close_code() == 4408


@pytest.mark.parametrize("value", ["", "x", "a.b.c", "x" * 4000])
async def test_token_wrong_closes_the_line(dial: Any, live_widgets: Widgets, value: str) -> None:
    line = await dial()
    await line.say({"type": "auth", "token": value or "-"})
    assert await line.close_code() == 4401


async def test_frame_before_auth_closes_the_line(dial: Any, live_widgets: Widgets) -> None:
    line = await dial()
    await line.say({"type": "resume", "after": 0})
    assert await line.close_code() == 4401


async def test_token_as_subprotocol_signs_in(dial: Any, live_widgets: Widgets) -> None:
    line = await dial(protocols=("walker.v1", await token(live_widgets.acme)))
    assert line.protocol == "walker.v1"
    assert (await line.hear())["type"] == "connected"


async def test_token_in_the_address_signs_nobody_in(
    dial: Any, live_widgets: Widgets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "AUTH_WITHIN", 0.05)
    line = await dial(f"/ws/chat/?token={await token(live_widgets.acme)}")
    assert await line.close_code() == 4408


@pytest.mark.parametrize("origin", ["https://evil.example", "http://shop.example", "null"])
async def test_origin_not_registered_is_not_allowed(dial: Any, live_widgets: Widgets, origin: str) -> None:
    line = await dial(origin=origin)
    await line.say({"type": "auth", "token": await token(live_widgets.acme)})
    assert await line.close_code() == 4403


async def test_hosted_page_and_apps_without_origin_are_allowed(dial: Any, live_widgets: Widgets) -> None:
    for origin in ("http://localhost", ""):
        line = await dial(origin=origin)
        await line.say({"type": "auth", "token": await token(live_widgets.acme)})
        assert (await line.hear())["type"] == "connected"


async def test_widget_switched_off_signs_nobody_in(dial: Any, live_widgets: Widgets) -> None:
    known = await token(live_widgets.acme)
    with tenant_scope(live_widgets.acme.tenant_id):
        live_widgets.acme.is_active = False
        await live_widgets.acme.asave(update_fields=["is_active"])
    line = await dial()
    await line.say({"type": "auth", "token": known})
    assert await line.close_code() == 4401


async def test_open_line_is_prolonged_by_the_same_guest_only(chat: Any, live_widgets: Widgets) -> None:
    line = await chat(live_widgets.acme)
    await line.say({"type": "auth", "token": await token(live_widgets.acme, visitor=line.visitor)})
    assert (await line.hear())["type"] == "refreshed"
    await line.say({"type": "auth", "token": await token(live_widgets.acme)})
    assert await line.close_code() == 4403


async def test_repeated_auth_is_limited_like_any_frame(
    chat: Any, live_widgets: Widgets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "SIDE_FRAMES", Bucket(size=1, seconds=60))
    line = await chat(live_widgets.acme)
    known = await token(live_widgets.acme, visitor=line.visitor)
    for expected in ("refreshed", "error"):
        await line.say({"type": "auth", "token": known})
        assert (await line.hear())["type"] == expected


# ---- messages


async def test_settings_of_a_widget_are_kept_for_seconds_for_all_its_guests_and_for_no_other(
    live_widgets: Widgets,
) -> None:
    sessions = sync_to_async(session_of)
    one, other = [(await sessions(live_widgets.acme)).guest for _ in range(2)]
    second, foreign = [(await sessions(each)).guest for each in (live_widgets.second, live_widgets.globex)]
    kept = Entries()
    first = await kept.of(one, younger_than=60)
    assert first is not None
    await switch_widget_off(live_widgets.acme)
    assert await kept.of(other, younger_than=60) is first
    assert [entry and entry.name for entry in [await kept.of(each, younger_than=60) for each in (second, foreign)]] == [
        live_widgets.second.name,
        live_widgets.globex.name,
    ]
    assert await kept.of(other, younger_than=0) is None
    assert await kept.of(one, younger_than=60) is None  # what was read since counts for all

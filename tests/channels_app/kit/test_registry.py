"""Every list of channels is filled from one class each, and a channel that lacks a part is refused by name."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve, reverse

from channels_app.apps import HERE
from channels_app.kit import Channel, Without
from channels_app.kit.admin.channels import pages_by_name
from channels_app.kit.channel import (
    PARTS,
    _channels,
    channels,
    doors_of,
    missing_parts,
    plain_paths,
    register,
    sources_of,
)
from channels_app.kit.checks import check_pairs, check_parts, messages_about
from channels_app.kit.phones.channel import PhoneChannel
from channels_app.own_app.channel import OwnApp
from channels_app.webhooks import deliveries
from channels_app.webhooks.server import is_webhook
from conversations import registry
from conversations.models import ChannelAccount
from core.reach import channels as names
from core.tenancy.scope import tenant_scope
from tests.channels_app.kit.recordings import OPENED_BY_VISITORS
from tests.world import World


def toy(**changed: Any) -> type[Channel]:
    """Return a whole channel with some parts changed; `...` takes one away."""
    parts = {name: getattr(OwnApp, name) for name in PARTS if name not in ("medium", "addresses")}
    parts |= {"kind": "toy", "provider": "toy", "kind_label": "Toy", "provider_label": "Toy", **changed}
    return type("Toy", (Channel,), {name: part for name, part in parts.items() if part is not ...})


def classes_below(base: type[Channel]) -> set[type[Channel]]:
    """Return the product's classes of channels that nothing derives from."""
    lower = [found for one in base.__subclasses__() for found in classes_below(one)]
    return {*lower} if lower else {base} if base.__module__.startswith("channels_app.") else set()


def test_every_package_registers_its_channel_and_each_is_whole() -> None:
    assert classes_below(Channel) == set(channels())
    assert check_parts() == []
    # The one package without a channel sends notices by the numbers of customers.
    there = {".".join(path.relative_to(HERE.parent).with_suffix("").parts) for path in HERE.rglob("channel.py")}
    used = {base.__module__ for channel in channels() for base in channel.__mro__}
    assert there - used == {"channels_app.approver_channels.whatsapp.channel"}


@pytest.mark.parametrize("part", [name for name in PARTS if name not in ("medium", "addresses")])
def test_channel_without_a_part_is_refused_with_the_name_of_both(part: str) -> None:
    assert missing_parts(toy()) == []
    lacking = {"medium", "addresses"} if part == "transport" else set()
    assert set(missing_parts(toy(**{part: ...}))) == {part, *lacking}
    (first, *_) = [message for message in messages_about(toy(**{part: ...})) if f"“{part}”" in message.msg]
    assert (first.id, "Toy" in first.msg, first.is_serious()) == ("channels_app.E002", True, True)


@pytest.mark.parametrize(
    ("part", "given"),
    [
        ("transport", object),
        ("diagnosis", "a text"),
        ("doors", ()),
        ("sources", []),
        ("kind_label", ""),
        ("verify", Without("")),
        ("connect", Without("  ")),
    ],
)
def test_part_of_another_kind_or_without_a_reason_counts_as_lacking(part: str, given: Any) -> None:
    assert part in missing_parts(toy(**{part: given}))


def test_channel_without_a_page_is_left_to_the_check_and_breaks_no_page() -> None:
    assert list(pages_by_name([toy(page=...), OwnApp])) == [OwnApp.page]


def test_part_may_be_absent_with_a_reason() -> None:
    assert (
        missing_parts(toy(transport=Without("It only listens."), connect=Without("There is nothing to enter."))) == []
    )


def test_channel_of_phone_numbers_has_to_send_templates() -> None:
    unfinished = type("Unfinished", (PhoneChannel,), dict(vars(toy())))
    assert missing_parts(unfinished) == ["list_templates", "send_template"]


def test_two_channels_of_one_pair_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    register(OwnApp)  # again, which is harmless
    with pytest.raises(ValueError, match="app/app"):
        register(toy(kind="app", provider="app"))


def test_every_list_is_filled_from_the_channels() -> None:
    known: dict[str, bool] = {}
    for channel in channels():
        if not isinstance(channel.transport, Without):
            assert registry.transport_for(channel.kind, channel.provider) is channel.transport
        for source in sources_of(channel):
            assert deliveries._handlers[source.name] is source.receive
        for door in doors_of(channel):
            given = dict.fromkeys(("message_id", "attachment_id"), "6f1f7a52-0f6a-7f00-8000-000000000000")
            given |= {"key": "k", "secret": "s"}
            wanted = {name: one for name, one in given.items() if f":{name}>" in door.path}
            address = reverse(door.name, kwargs=wanted)
            assert resolve(address).func is door.view
            known[door.name] = is_webhook(address)
    assert all(path.startswith("/channels/") for path in plain_paths())
    # Emails are large, and what a web chat's pages call has a session.
    plain = {"whatsapp_webhook", "whatsapp_status", "cloud_webhook", "app_messages", "app_file", "slack_interactivity"}
    others = {"email_events", "email_inbound", *OPENED_BY_VISITORS} - plain
    assert {name: known[name] for name in plain | others} == dict.fromkeys(plain, True) | dict.fromkeys(others, False)
    sources = {source.name: source for channel in channels() for source in sources_of(channel)}
    assert deliveries.large() == sorted(name for name, source in sources.items() if source.is_large)
    assert deliveries._never_held == {name for name, source in sources.items() if not source.is_held}
    assert (sources["mail"].is_large, sources["sendgrid"].is_held) == (True, False)


@pytest.mark.django_db
def test_account_of_no_channel_is_named_by_the_system_check(world: World) -> None:
    assert check_pairs(databases=["default"]) == []
    with tenant_scope(world.acme.pk):
        ChannelAccount.objects.create(kind="sms", provider="sendgrid", name="Line")
    (message,) = check_pairs(databases=["default"])
    assert (message.id, "“sms”" in message.msg, "“sendgrid”" in message.msg) == ("channels_app.E003", True, True)
    assert check_pairs() == []


def test_channels_of_one_kind_call_it_by_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {*names.kinds()} == {(one.kind, one.kind_label) for one in channels()}
    assert [label.lower() for _, label in names.kinds()] == sorted(label.lower() for _, label in names.kinds())
    for_colleagues = {one.kind for one in channels() if isinstance(one.transport, Without)}
    assert "slack" in for_colleagues
    assert {name for name, _ in names.kinds()} - {name for name, _ in names.kinds(written_to=True)} == for_colleagues
    monkeypatch.setattr(_channels, "_classes", dict(_channels._classes))
    with pytest.raises(ValueError, match="'whatsapp' is called 'WhatsApp' by another channel, not 'Wassup'"):
        register(toy(kind="whatsapp", provider="wassup", kind_label="Wassup"))


def test_channels_asked_for_before_any_is_registered_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "_kinds", {})
    with pytest.raises(LookupError):
        names.kinds()


@pytest.mark.slow
@pytest.mark.django_db
def test_pages_call_channels_by_their_names(client: Client, world: World) -> None:
    with tenant_scope(world.acme.pk):
        account = ChannelAccount.objects.create(kind="whatsapp", provider="cloud", name="Line")
    client.force_login(world.people["owner"], backend="accounts.backends.RoleBackend")
    for path in ("", f"{account.pk}/"):
        shown = client.get(f"/admin/conversations/channelaccount/{path}").content.decode()
        assert "WhatsApp Cloud API" in shown
    form = client.get("/admin/hitl/approvalworkflow/create/").content.decode()
    offered = re.findall(r'name="channels" value="(\w+)"', form)
    assert offered == [*dict(names.kinds(written_to=True)), "api", "console"]

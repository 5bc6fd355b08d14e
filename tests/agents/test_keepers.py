"""Who gave a channel its secrets could write in anybody's name, and signs nothing that is asked for through it."""

from typing import Any
from uuid import UUID

import pytest

from agents import services as agents
from agents.llm.routes import configuration
from agents.llm.routes.configuration import RouteSetup
from agents.selectors import authors_of
from conversations.channel_accounts import accounts, widgets
from conversations.models import ChannelAccount, Conversation
from hitl.models import Approval
from tests.agents.conftest import Desk
from tests.world import OPERATOR

ASK = "Raise the daily budget of Summer Sale to 900"


def account_of(desk: Desk) -> ChannelAccount:
    desk.say("hello")
    return Conversation.objects.select_related("channel_account").get().channel_account


def keepers(account: ChannelAccount) -> list[UUID]:
    account.refresh_from_db()
    return list(account.keepers)


@pytest.mark.slow
def test_maker_of_the_identity_secret_may_not_sign(desk: Desk) -> None:
    account, admin = account_of(desk), desk.world.actor("admin")
    widgets.keep_identity_secret(actor=admin, account_id=account.pk, secret="s" * 40)
    desk.say(ASK)
    assert admin.user_id in Approval.objects.get().excluded


def test_replaced_identity_secret_is_of_no_use_any_more(desk: Desk) -> None:
    account, owner = account_of(desk), desk.world.actor("owner")
    for actor in (desk.world.actor("admin"), owner):
        widgets.keep_identity_secret(actor=actor, account_id=account.pk, secret="s" * 40)
    assert keepers(account) == [owner.user_id]


@pytest.mark.django_db
def test_each_who_gave_a_number_its_secrets_is_kept(desk: Desk) -> None:
    admin, owner = desk.world.actor("admin"), desk.world.actor("owner")
    number: dict[str, Any] = {
        "kind": "email",
        "provider": "sendgrid",
        "name": "Mail",
        "address": "a@b.example",
        "provider_account": "x",
    }
    account = accounts.connect_channel(actor=admin, credentials={"key": "1"}, **number)
    accounts.connect_channel(actor=owner, credentials={"key": "1"}, **number)
    assert keepers(account) == [admin.user_id]
    accounts.connect_channel(actor=owner, credentials={"key": "2"}, **number)
    assert set(keepers(account)) == {admin.user_id, owner.user_id}


def test_who_leads_an_agents_models_may_not_sign(desk: Desk) -> None:
    """Whoever points a route to a server of their own says what the agent asks for."""
    admin, owner = desk.world.actor("admin"), desk.world.actor("owner")
    setup = RouteSetup("Mine", "small", base_url="https://models.example/v1", is_free=True)
    route = configuration.create_route(actor=admin, setup=setup, key="k")
    configuration.activate_route(actor=desk.world.actor("owner"), route_id=route.pk)
    agent = agents.create_agent(actor=OPERATOR, type="custom", setup=agents.Setup("Desk", model="routes"))
    assert set(authors_of(agent)) == {admin.user_id}
    configuration.change_route(actor=owner, route_id=route.pk, changes={"tier": "strong"})
    assert set(authors_of(agent)) == {admin.user_id}
    configuration.change_route(actor=owner, route_id=route.pk, changes={"model": "other"})
    assert set(authors_of(agent)) == {admin.user_id, owner.user_id}
    other = agents.create_agent(actor=OPERATOR, type="custom", setup=agents.Setup("Other"))
    assert authors_of(other) == ()

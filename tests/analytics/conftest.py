"""A morning at a desk: something waits, something is overdue, somebody needs a person, the platform answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from accounts.services import actor_for_user
from analytics import services
from analytics.models import BriefPreference
from conversations import services as talk
from conversations.models import ChannelAccount
from core import clock
from core.actors import Actor
from core.tenancy.scope import tenant_scope
from demo.agents import ensure_default_agents
from hitl.services import create_workflow
from integrations.services import connect_provider
from tests.console.scene import ask, write_in
from tests.edge.platform_fixture import ACME_TOKEN, Platform
from tests.offers import section_keys
from tests.world import OPERATOR, World

MORNING = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
"""Half past seven in Berlin, on a Friday."""


@dataclass
class Morning:
    """The people of the world, and what they have saved."""

    world: World
    sandbox: Platform

    def actor(self, role: str) -> Actor:
        """Return the tenant's person of the role."""
        return actor_for_user(self.world.people[role])

    def wants(self, role: str = "approver", **options: Any) -> BriefPreference:
        """Have the person switch the brief on: half past seven in Berlin unless told otherwise."""
        wish = {
            "is_on": True,
            "at": time(7, 30),
            "zone": "Europe/Berlin",
            "sections": section_keys(),
            "language": "en",
        }
        moment = options.pop("now", MORNING - timedelta(hours=1))
        return services.set_preference(actor=self.actor(role), now=moment, **{**wish, **options})


def make(brief_id: UUID, now: datetime | None = None) -> None:
    """Claim and make a brief, as the worker does."""
    if brief := services.claim_brief(brief_id=brief_id, now=now):
        services.make_brief(brief=brief, now=now)


def fill_desk(world: World) -> None:
    """Ask for something yesterday and just now, and let a customer want a person."""
    now = clock.now()
    connect_provider(actor=OPERATOR, provider="sandbox_ads", name="Sandbox", credentials={"token": ACME_TOKEN})
    levels = [{"name": "Signature", "approvers": [{"type": "role", "value": "approver"}], "sla_hours": 8}]
    create_workflow(actor=OPERATOR, name="Every action", levels=levels, is_default=True)
    with clock.at(now - timedelta(hours=14)):
        ask(world, params={"campaign": "Summer Sale"})
    with clock.at(now - timedelta(hours=2)):
        ask(world, params={"campaign": "Brand Search"})
        line = ChannelAccount.objects.create(kind="webchat", name="Help")
        chat = write_in(line, "I was charged twice, card 4111 1111 1111 1111")
        talk.hand_off(actor=OPERATOR, conversation_id=chat, reason="asked_for_person")


@pytest.fixture
def morning(acme: World, sandbox: Platform) -> Iterator[Morning]:
    """The scene, at half past seven in Berlin, inside the first tenant's scope."""
    with clock.at(MORNING):
        ensure_default_agents()
        fill_desk(acme)
        yield Morning(acme, sandbox)


@pytest.fixture
def browser(world: World) -> Callable[..., Client]:
    """Return a signed-in client of the role; `outside` takes the person of the other tenant."""

    def sign_in(role: str = "approver", *, outside: bool = False) -> Client:
        client = Client()
        client.force_login(
            (world.outsiders if outside else world.people)[role], backend="accounts.backends.RoleBackend"
        )
        return client

    return sign_in


@pytest.fixture
def elsewhere(world: World) -> Iterator[World]:
    """The second tenant's scope."""
    with tenant_scope(world.globex.pk):
        yield world

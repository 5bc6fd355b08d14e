"""The desk that the stateful test works at: people, shapes of workflows, and shortcuts to the services."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from accounts.models import Membership
from accounts.services import actor_for_user
from agents.models import Agent
from core import clock
from core.actors import Actor
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.policy.calendars import create_calendar
from tests.hitl.kit.model import Person, Town
from tests.hitl.kit.scene import roles
from tests.world import OPERATOR, World

AGENT: Final = UUID(int=7)
FRIDAY: Final = datetime(2026, 10, 23, 12, 0, tzinfo=UTC)
NAMES: Final = ("support", "first", "second", "admin", "owner", "compliance")
ESCALATION: Final = [{"after_hours": 2, "add": roles("owner"), "repeat": 1}]
OFFICE: Final = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}


@dataclass
class Desk:
    """The people of one tenant with the actors they signed in as, and the outsider."""

    world: World
    actors: dict[str, Actor]
    outsider: Actor
    group: str
    calendar: UUID

    @property
    def tenant(self) -> UUID:
        """Return the tenant's id."""
        return UUID(str(self.world.acme.pk))

    def person(self, name: str) -> UUID:
        """Return the id of a person."""
        found = self.actors[name].user_id
        assert found is not None
        return found

    def town(self) -> Town:
        """Return the people as the model knows them at the start."""
        people = {self.person(name): Person(self.person(name), self.actors[name].role) for name in NAMES}
        return Town(people, {self.group: {self.person(name) for name in ("first", "second", "admin")}})

    @contextmanager
    def inside(self, moment: datetime) -> Iterator[None]:
        """Be in the tenant at a moment."""
        with tenant_scope(self.tenant), clock.at(moment):
            yield

    def shape(self, name: str) -> dict[str, Any]:
        """Return the definition of a workflow by its short name."""
        group = [{"type": "group", "value": self.group}]
        first, second = ({"type": "user", "value": str(self.person(name))} for name in ("first", "second"))
        edit = {"editable_fields": ["amount"]}
        office = {"calendar_id": self.calendar, "sla_hours": 4}
        plain = {
            "allow_override": False,
            "distinct_approvers": False,
            "escalation": [],
            "edit_policy": {},
            "auto_rules": [],
        }
        kind_rows = [{"type": "group", "value": self.group}, *roles("owner")]
        rule = {
            "id": "small",
            "verdict": "approve",
            "max_cost": "4.50",
            "max_score": 49,
            "currency": "EUR",
            "per_day": 2,
        }
        shapes: dict[str, dict[str, Any]] = {
            "any": {"levels": [{"approvers": roles("approver", "admin"), **edit, **office}], "allow_override": True},
            "quorum": {
                "levels": [{"approvers": group, "mode": "quorum", "quorum": 2, **edit}],
                "escalation": ESCALATION,
            },
            "two levels": {
                "levels": [{"approvers": group, **edit}, {"approvers": roles("owner"), **office}],
                "allow_override": True,
            },
            "everyone": {
                "levels": [{"approvers": [first, second], "mode": "all", "reject_threshold": 2}],
                "reminder_every_hours": 1,
                "reminder_max": 2,
            },
            "side by side": {
                "levels": [
                    {"approvers": group, "mode": "quorum", "quorum": 2},
                    {"approvers": roles("owner", "admin"), "parallel": True},
                ]
            },
            "nobody": {"levels": [{"approvers": [{"type": "role", "value": "viewer"}]}], "escalation": ESCALATION},
            "once": {
                "levels": [
                    {"approvers": group, **edit},
                    {"approvers": [*group, *roles("owner")]},
                    {"approvers": group},
                ],
                "distinct_approvers": True,
                "escalation": ESCALATION,
            },
            "rule": {"levels": [{"approvers": kind_rows, **edit}], "auto_rules": [rule]},
            "eased": {
                "levels": [{"approvers": kind_rows, "mode": "quorum", "quorum": 2, **edit}],
                "edit_policy": {"editor_may_vote": True, "fall_allows_fewer": True},
            },
            "trusted": {"levels": [{"approvers": group, **edit}], "edit_policy": {"editor_may_vote": True}},
        }
        return {**plain, "reminder_every_hours": 0, "reminder_max": 0, **shapes[name]}


SHAPES: Final = (
    "any",
    "quorum",
    "two levels",
    "everyone",
    "side by side",
    "nobody",
    "rule",
    "eased",
    "once",
    "trusted",
)


def set_up(world: World) -> Desk:
    """Make the people, the group, the calendar and the workflow that every example begins with."""
    second, _ = world.another("approver")
    people = {**world.people, "first": world.people["approver"], "second": second}
    with tenant_scope(world.acme.pk):
        actors = {name: actor_for_user(people[name], auth_strength="mfa") for name in NAMES}
        members = [people[name].pk for name in ("first", "second", "admin")]
        group = services.create_group(actor=OPERATOR, name="Desk", people=members)
        calendar = create_calendar(actor=OPERATOR, name="Office", zone="Europe/Berlin", week=OFFICE)
        Agent.objects.create(id=AGENT, name="Proof", type=Agent.CUSTOM, category=Agent.CATEGORY)
        desk = Desk(world, actors, world.outsider(), str(group.pk), calendar.pk)
        services.create_workflow(actor=OPERATOR, name="Proof", is_default=True, **desk.shape("any"))
    return desk


def agent_actor() -> Actor:
    """Return the agent that asks in its own name."""
    permissions = frozenset({"hitl.propose_approval", "hitl.cancel_approval"})
    return Actor(kind="agent", id=AGENT, role="agent", name="agent", permissions=permissions)


def weak(actor: Actor) -> Actor:
    """Return the person, signed in without a second factor."""
    return replace(actor, auth_strength="password")


def set_active(person: UUID, active: bool) -> None:
    """Make a person a member of the tenant, or take it."""
    Membership.objects.filter(user_id=person).update(is_active=active)

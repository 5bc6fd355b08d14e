"""A tenant with a hundred people who are available, and conversations as they are made for benchmarks of the desk."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import django

django.setup()

from accounts.models import User  # noqa: E402
from accounts.services import actor_for_user, add_member  # noqa: E402
from conversations.inbox.teams import teams  # noqa: E402
from conversations.inbox.teams.teams import Seat, TeamSettings  # noqa: E402
from conversations.models import Availability, ChannelAccount, Contact, Conversation, Message, Team  # noqa: E402
from core.actors import Actor, system  # noqa: E402
from core.clock import now  # noqa: E402

PEOPLE = 100
LIST = "/admin/conversations/conversation/"
EMAIL = "desk{}@bench.example"


class Desk:
    """A tenant in whose scope all of this is called; its own conversations stay, and those made here are added."""

    def __init__(self, tenant_id: UUID, manager: Actor, account: ChannelAccount) -> None:
        self.tenant_id, self.manager, self.account = tenant_id, manager, account
        self.people = [self._hire(number) for number in range(PEOPLE)]
        self.contact = Contact.objects.create(display_name="Bench", masked_name="Bench")

    def _hire(self, number: int) -> User:
        user, _ = User.objects.get_or_create(email=EMAIL.format(number), defaults={"first_name": f"P{number}"})
        if not user.memberships.filter(tenant_id=self.tenant_id).exists():
            add_member(actor=system("bench"), user=user, role="support")
        moment = now()
        Availability.objects.filter(user=user, until=None).delete()
        Availability.objects.create(user=user, state="online", source="hand", since=moment, seen_at=moment)
        return user

    def team(self, name: str, capacity: int) -> Team:
        """Make a team of all."""
        seats = [Seat(user.pk, capacity=capacity) for user in self.people]
        settings = TeamSettings(name=f"{name} {time.time():.0f}"[:60], prefers_last_person=False)
        return teams.create_team(actor=self.manager, settings=settings, seats=seats)

    def talks(self, count: int, mark: str, **facts: Any) -> list[Conversation]:
        """Make conversations of one contact, each in a thread of its own."""
        rows = [
            Conversation(
                contact=self.contact,
                channel_account=self.account,
                thread=f"{mark}{time.time_ns()}{number}"[:64],
                **facts,
            )
            for number in range(count)
        ]
        return Conversation.objects.bulk_create(rows, batch_size=1000)

    def write(self, talk: Conversation, count: int, text: str) -> None:
        """Write messages into a conversation, one a minute from thirty days ago."""
        start = now() - timedelta(days=30)
        rows = [
            Message(
                conversation=talk, channel_account=self.account, direction="in" if number % 2 else "out",
                seq=number + 1, body=text, masked_body=text, status="received" if number % 2 else "sent",
                sender_type="customer" if number % 2 else "agent", sender_id=talk.contact_id, sender_name="",
                created_at=start + timedelta(minutes=number),
            )
            for number in range(count)
        ]  # fmt: skip
        Message.objects.bulk_create(rows, batch_size=1000)


def may(user: User, permission: str) -> bool:
    """Tell whether a person may do something in the tenant in scope."""
    membership = user.memberships.filter(is_active=True).first()
    return membership is not None and actor_for_user(user).may(permission)


def word(is_held: bool) -> str:
    """Return whether a target was held."""
    return "held" if is_held else "MISSED"

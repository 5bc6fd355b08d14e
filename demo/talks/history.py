"""Plays talks of two weeks and requests of a month through the real services, at the times they happened."""

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.db import transaction

from accounts.models import User
from accounts.services import actor_for_user
from agents.models import Agent
from conversations import services as conversations
from conversations.models import ChannelAccount, Contact
from conversations.services import Draft, Sender, desk
from conversations.types import InboundMessage, SenderIdentity
from core import clock
from core.events import relay
from demo.cast import MARKETER, Organisation
from demo.people import SEEDER
from demo.setting import FRONT_DESK, widget_key
from demo.talks.script import REQUESTS, TALKS, Request, Talk
from hitl import services as hitl
from hitl.actions.base import Origin
from hitl.approvals.decide.first_view import note_view
from hitl.models import Approval


def ensure_history(organisation: Organisation, people: dict[str, User]) -> None:
    """Play what hasn't been played yet. Runs in the organisation's scope, before any worker starts."""
    begin = clock.now()
    account = ChannelAccount.objects.get(public_key=widget_key(organisation, "visitor"))
    for number, talk in enumerate(TALKS):
        _play_talk(account.pk, f"{organisation.slug}-{number}", talk, begin, people)
    for contact in Contact.objects.filter(conversations__channel_account=account).distinct():
        desk.add_tag(actor=SEEDER, contact_id=contact.pk, name=organisation.audience)
    agent_id = Agent.objects.get(type="paid_ads", is_system=True).pk
    for number, request in enumerate(REQUESTS):
        _play_request(f"demo-history-{number}", request, begin, people, agent_id)
    relay.forget_announcements()


def _play_talk(account_id: UUID, name: str, talk: Talk, begin: datetime, people: dict[str, User]) -> None:
    moment = begin - timedelta(days=talk.days_ago)
    conversation_id: UUID | None = None
    for number, line in enumerate(talk.lines):
        moment += timedelta(minutes=2)
        with clock.at(moment):
            if line.startswith("<"):
                conversation_id = _say(account_id, talk, f"{name}-{number}", line[2:])
            elif conversation_id is not None:
                conversations.reply(
                    actor=SEEDER,
                    conversation_id=conversation_id,
                    draft=Draft(
                        text=line[2:],
                        client_id=uuid5(conversation_id, f"{name}-{number}"),
                        sender=Sender(name=FRONT_DESK),
                    ),
                )
    if conversation_id is not None:
        with clock.at(moment + timedelta(minutes=3)):
            support = actor_for_user(people["support"])
            if talk.end == "person":
                conversations.hand_off(actor=SEEDER, conversation_id=conversation_id, reason="asked_for_person")
            if talk.end in ("resolved", "unresolved"):
                is_resolved = talk.end == "resolved"
                conversations.close(actor=support, conversation_id=conversation_id, resolved=is_resolved)


def _say(account_id: UUID, talk: Talk, external_id: str, text: str) -> UUID:
    message = conversations.receive(
        actor=SEEDER,
        inbound=InboundMessage(
            channel_account_id=account_id,
            sender=SenderIdentity(kind="webchat", value=talk.visitor, display_name=talk.name),
            text=text,
            external_id=external_id,
        ),
    )
    return message.conversation_id


def _play_request(key: str, request: Request, begin: datetime, people: dict[str, User], agent_id: UUID) -> None:
    if Approval.objects.filter(dedupe_key=key).exists():
        return
    asked_at = begin - timedelta(days=request.days_ago)
    marketer = people[MARKETER]
    with clock.at(asked_at):
        approval = hitl.propose(
            actor=actor_for_user(marketer),
            kind=request.kind,
            params=request.params,
            origin=Origin(requester_user_id=marketer.pk, agent_id=agent_id, channel="webchat"),
            dedupe_key=key,
        )
    if request.ending in ("approved", "rejected"):
        with clock.at(asked_at + timedelta(hours=request.hours / 2)):
            note_view(viewer=actor_for_user(people["approver"]), approval=approval)
    with clock.at(_ended_at(approval, request, asked_at)):
        _end_request(approval, request, people)


def _ended_at(approval: Approval, request: Request, asked_at: datetime) -> datetime:
    if request.ending == "expired":
        return approval.expires_at + timedelta(minutes=1)
    return asked_at + timedelta(hours=request.hours)


def _end_request(approval: Approval, request: Request, people: dict[str, User]) -> None:
    if request.ending == "expired":
        hitl.expire(approval_id=approval.pk)
    elif request.ending == "cancelled":
        marketer = actor_for_user(people[MARKETER])
        hitl.cancel(actor=marketer, approval_id=approval.pk, reason="No longer needed.")
    elif request.ending in ("approved", "rejected"):
        hitl.decide(
            actor=actor_for_user(people["approver"]),
            approval_id=approval.pk,
            verdict="approve" if request.ending == "approved" else "reject",
            digest=approval.digest,
            reason=request.reason,
        )
    if request.ending == "approved":
        hitl.execute(approval.pk)
    if request.ending != "waiting":
        # What a receiver does where announcements are relayed.
        with transaction.atomic():
            hitl.settle_notices(approval.pk)

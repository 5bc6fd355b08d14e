"""Two customers of the demo who write by WhatsApp: one waits for an answer, one couldn't be sent theirs."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.services import actor_for_user
from conversations import services
from conversations.models import ChannelAccount, Conversation, DeliveryAttempt, Team
from conversations.services import Draft, Sender
from conversations.types import InboundMessage, SenderIdentity
from core import clock
from core.events import relay
from core.models import Consent
from demo.cast import Organisation
from demo.people import SEEDER
from demo.talks.morning import ORDERS

# Numbers that the British regulator reserves for fiction; the sandbox phone doesn't show these two.
NUMBERS: Final = {"acme": ("+447700900151", "+447700900152"), "globex": ("+447700900251", "+447700900252")}
WAITS: Final = "My order from Friday hasn't arrived yet. Can you see where it is?"
ASKED: Final = "Do you have the Harbour in brown?"
ANSWERED: Final = "Yes, in all sizes. Shall I put a pair aside for you?"
NOT_REACHED: Final = "63024"
"""Twilio's code for a number that WhatsApp can't reach."""


def ensure_phone_talks(organisation: Organisation, people: dict[str, User]) -> None:
    """Play both, once, where there is a sandbox phone. Runs in the organisation's scope, before any worker starts."""
    account = ChannelAccount.objects.filter(
        kind=ChannelAccount.Kind.WHATSAPP, provider=ChannelAccount.Provider.TWILIO
    ).first()
    if account is None or Conversation.objects.filter(channel_account=account).exists():
        return
    waits, unreached = NUMBERS[organisation.slug]
    team_id = Team.objects.get(name=ORDERS).pk
    lead = actor_for_user(people["admin"])
    began = clock.now()
    with transaction.atomic():
        with clock.at(began - timedelta(minutes=26)):
            talk_id = _hear(account, waits, "Rosa Keller", WAITS)
            services.hand_off(actor=SEEDER, conversation_id=talk_id, reason="asked_for_person")
            services.move_to_team(actor=lead, conversation_id=talk_id, team_id=team_id)
            services.record_consent(
                actor=lead, address=waits, state=Consent.State.GIVEN, purpose=Consent.Purpose.MARKETING
            )
        with clock.at(began - timedelta(minutes=150)):
            talk_id = _hear(account, unreached, "Liam Byrne", ASKED)
            services.hand_off(actor=SEEDER, conversation_id=talk_id, reason="asked_for_person")
        with clock.at(began - timedelta(minutes=141)):
            sent = services.reply(
                actor=actor_for_user(people["support"]),
                conversation_id=talk_id,
                draft=Draft(text=ANSWERED, sender=Sender(type="person")),
            )
            DeliveryAttempt.objects.create(
                message=sent,
                channel_account=account,
                number=1,
                started_at=clock.now(),
                finished_at=clock.now(),
                outcome=DeliveryAttempt.Outcome.SUCCEEDED,
            )
            services.record_status(actor=SEEDER, status="failed", message_id=sent.pk, error=NOT_REACHED)
    relay.forget_announcements()


def _hear(account: ChannelAccount, number: str, name: str, text: str) -> UUID:
    """Store what a customer wrote; return the conversation."""
    sender = SenderIdentity(kind="phone", value=number, verified=True, display_name=name)
    inbound = InboundMessage(channel_account_id=account.pk, sender=sender, text=text)
    return services.receive(actor=SEEDER, inbound=inbound).conversation_id

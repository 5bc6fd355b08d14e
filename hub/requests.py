"""Request the approval of what a customer confirmed, and tell them how it ended."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Q

from conversations import services as conversations
from conversations.models import Conversation
from conversations.selectors import names_in_conversation, tags_of_conversation
from conversations.services import Draft, Sender
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, Refused, TooMany, WalkerError
from core.models import Consent
from core.observability.logging import get_logger
from core.reach.gate import NotReachable
from core.retention import BATCH
from core.tenancy.scope import platform_scope
from core.text.speech import gettext, speaking, spoken_here
from hitl import services as approvals
from hitl.actions.base import Origin
from hitl.domain.state_machine import State as Approved
from hitl.models import Approval
from hub import actions
from hub.drafts import HUB, PROPOSE
from hub.models import TransactionDraft
from hub.selectors import amount_of

log = get_logger(__name__)
State = TransactionDraft.State
GRACE: Final = timedelta(minutes=1)
"""How long one worker has to request an approval, before another one tries."""
NOT_BOOKED: Final = frozenset({Approved.REJECTED, Approved.EXPIRED, Approved.CANCELLED, Approved.FAILED})


def request_commit(*, draft_id: UUID, now: datetime | None = None) -> Approval:
    """Request the approval of a confirmed draft, and return it.

    It is that of an earlier call if there was one. For the system, and an agent's tool; it calls no back office. Raises
    `Conflict` ("not_confirmed", "draft_expired", "being_requested"), and what `propose` raises. Announces
    approval_opened.
    """
    moment = now or clock_now()
    rows = TransactionDraft.objects.filter(pk=draft_id)
    draft: TransactionDraft = rows.select_related("conversation__channel_account").get()
    if draft.approval_id is not None:
        known: Approval = Approval.objects.get(pk=draft.approval_id)
        return known
    free = Q(requested_at=None) | Q(requested_at__lt=moment - GRACE)
    if draft.state == State.CONFIRMED and not rows.filter(free, approval_id=None).update(requested_at=moment):
        raise Conflict("This is being requested already.", code="being_requested")
    origin = Origin(
        conversation_id=draft.conversation_id,
        agent_id=draft.agent_id,
        run_id=draft.run_id,
        agent_owner_id=draft.agent_owner_id,
        also_excluded=tuple(UUID(person) for person in draft.excluded),
        contact_tags=tags_of_conversation(conversation_id=draft.conversation_id),
        channel=draft.conversation.channel_account.kind,
        people=names_in_conversation(draft.conversation_id),
    )
    agent = Actor(kind="agent", id=draft.agent_id, role="agent", name="hub", permissions=frozenset({PROPOSE}))
    approval = approvals.propose(
        actor=agent, kind=actions.KEY, params=actions.params_of(draft), origin=origin, dedupe_key=str(draft.pk)
    )
    rows.filter(approval_id=None).update(approval_id=approval.pk)
    return approval


def request_in_background(*, draft_id: UUID) -> None:
    """Request the approval of a draft that was just confirmed; what can't be done now is tried again by the sweep."""
    try:
        request_commit(draft_id=draft_id)
    except (Conflict, Refused, TooMany) as problem:
        log.warning("commit_not_requested", draft=str(draft_id), code=problem.code)


def list_unrequested(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return tenant and id of confirmed drafts without a request, as long as they can be booked."""
    moment = now or clock_now()
    with platform_scope():
        rows = TransactionDraft.objects.filter(state=State.CONFIRMED, approval_id=None, expires_at__gt=moment)
        rows = rows.filter(Q(requested_at=None) | Q(requested_at__lt=moment - GRACE))
        return list(rows.filter(confirmed_at__lt=moment - GRACE).values_list("tenant_id", "pk")[:BATCH])


def tell_outcome(*, approval_id: UUID) -> None:
    """Tell a customer how the request ended that books what they confirmed. Safe to repeat. For the system."""
    approval = Approval.objects.filter(pk=approval_id, kind=actions.KEY).first()
    if approval is None or not (approval.state == Approved.EXECUTED or approval.state in NOT_BOOKED):
        return
    draft = TransactionDraft.objects.filter(pk=UUID(str(approval.payload["draft"]))).first()
    if draft is None:
        return
    conversation = Conversation.objects.select_related("contact").get(pk=draft.conversation_id)
    with speaking(conversation.spoken_language):
        facts = {"amount": amount_of(draft, spoken_here()), "destination": draft.destination}
        if approval.state == Approved.EXECUTED:
            text = gettext("{amount} is booked to {destination}.")
        elif TransactionDraft.objects.filter(asked_again_for=draft).exists():
            text = gettext("Your confirmation of {amount} ran out before it was approved. Please confirm it once more.")
        else:
            text = gettext("{amount} was not booked. Nothing was paid.")
    try:
        with transaction.atomic():
            conversations.reply(
                actor=HUB,
                conversation_id=draft.conversation_id,
                draft=Draft(
                    text=text.format(**facts),
                    client_id=uuid5(approval.pk, approval.state),
                    purpose=Consent.Purpose.SERVICE,
                    sender=Sender(type="system", name="walker"),
                ),
            )
    except (NotReachable, WalkerError) as problem:
        log.warning("outcome_not_told", approval=str(approval.pk), code=problem.code)

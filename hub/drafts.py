"""Prepare a transaction at the back office, and ask the customer to confirm it: with our words, not a model's."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import transaction

from conversations import registry
from conversations import services as conversations
from conversations.models import Conversation, Message
from conversations.services import Draft, Sender
from core.actors import Actor, system
from core.audit import chain
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid, NotFound, WalkerError
from core.ids import uuid7
from core.models import Consent
from core.observability.logging import get_logger
from core.privacy.encryption import blind_index, digest_of_secret
from core.privacy.pii import mask_value
from core.reliability import loose_cache
from core.tenancy.scope import current_tenant_id
from core.text.amounts import places_of
from core.text.speech import gettext, speaking, spoken_here
from hitl.actions.base import Origin
from hub.customers import customer_in
from hub.models import TransactionDraft
from hub.selectors import amount_of
from integrations.transactions.services import prepare_draft
from integrations.transactions.types import NewDraft, written

log = get_logger(__name__)
HUB: Final = system("hub")
PROPOSE: Final = "hitl.propose_approval"
KEY: Final = "draft"
"""In a message's metadata: the draft that it asks about; beside it what its buttons carry, or the code."""
CONFIRM, DECLINE = "confirm:", "decline:"
LIFE: Final = 1800
WHAT: Final = "confirmation"
State = TransactionDraft.State


def create_draft(
    *, actor: Actor, amount: str, currency: str, description: str, origin: Origin, now: datetime | None = None
) -> TransactionDraft:
    """Prepare a refund, and ask the customer of `origin` to confirm it.

    Nothing is booked. What the customer was asked before, and didn't confirm, is withdrawn. The same tool call is the
    same draft. For agents with `hitl.propose_approval`; outside calls, so not in a transaction. Raises `Refused`,
    `Invalid` with the field, `NotFound`, `Conflict`, `Unavailable`. Writes `TRANSACTION_DRAFTED`.
    """
    actor.require(PROPOSE)
    if origin.tool_call_id is not None:
        calls = TransactionDraft.objects.filter(tool_call_id=origin.tool_call_id)
        made: TransactionDraft | None = calls.first()
        if made is not None:
            return made
    rows = Conversation.objects.select_related("contact").filter(pk=origin.conversation_id)
    conversation = get_or_missing(rows, "There is no such conversation.")
    customer, draft_id = customer_in(conversation), uuid7()
    exact, call_id = checked_amount(amount, currency), origin.tool_call_id or draft_id
    asked = NewDraft(customer, "refund", exact, currency, description, reference=call_id.hex)
    return _ask(actor, _row(draft_id, asked, f"walker:draft:{call_id}"), conversation.pk, now or clock_now(), {
        "agent_id": origin.agent_id,
        "run_id": origin.run_id,
        "tool_call_id": origin.tool_call_id,
        "agent_owner_id": origin.agent_owner_id,
        "excluded": sorted(str(person) for person in origin.also_excluded),
    })  # fmt: skip


def ask_again(draft: TransactionDraft, *, now: datetime | None = None) -> TransactionDraft | None:
    """Prepare once more what the customer confirmed too early for its approval, and ask them to confirm that.

    Once for each draft; None if it was asked already or can't be asked now. For the executor; outside calls.
    """
    if TransactionDraft.objects.filter(asked_again_for=draft).exists():
        return None
    try:
        again = uuid5(draft.pk, "again")
        exact = checked_amount(f"{draft.amount:f}", draft.currency)
        asked = NewDraft(draft.customer, "refund", exact, draft.currency, draft.description, reference=again.hex)
        row = _row(uuid7(), asked, f"walker:draft:{again}")
        more = {name: getattr(draft, name) for name in ("agent_id", "run_id", "agent_owner_id", "excluded")}
        more["asked_again_for"] = draft
        return _ask(HUB, row, draft.conversation_id, now or clock_now(), more)
    except WalkerError as problem:
        log.warning("customer_not_asked_again", draft=str(draft.pk), code=problem.code)
        return None


def checked_amount(amount: str, currency: str) -> Decimal:
    """Return an amount in a currency. Raises `Invalid` for more decimals than the currency has, and for nothing."""
    try:
        return Decimal(written(Decimal(amount), currency))
    except (ValueError, ArithmeticError):
        places = places_of(currency)
        problem = f"Use an amount of more than 0 {currency} with {f'at most {places}' if places else 'no'} decimals."
        raise Invalid(f"amount: {problem}", fields={"amount": [problem]}) from None


def code_digest(draft_id: UUID, code: str) -> str:
    """Return the stored form of a draft's code, which can't be tried out without our key."""
    return blind_index(f"{draft_id.hex} {code}", column="hub_transactiondraft.code_digest")


def open_mark(contact_id: UUID) -> str:
    """Return the cache key that says a contact may have an open draft."""
    return f"{current_tenant_id().hex}:open_draft:{contact_id.hex}"


def text_with_code(message: Message, text: str) -> str:
    """Return what is sent of a message: a draft's code is added here, so that no model and no colleague reads it."""
    code = message.metadata.get("code") if message.metadata.get(KEY) else None
    if not code or message.sender_type != Message.Sender.SYSTEM:
        return text
    with speaking(str(message.metadata.get("language", ""))):
        return f"{text}\n{gettext('Reply with the code {code} to confirm.').format(code=code)}"


def _row(draft_id: UUID, asked: NewDraft, key: str) -> TransactionDraft:
    """Let the back office prepare a transaction (outside call), and return its row, unsaved."""
    account, prepared = prepare_draft(asked=asked, key=key)
    return TransactionDraft(
        pk=draft_id,
        connection=account,
        vendor_id=prepared.id,
        digest=prepared.digest,
        amount=asked.amount,
        currency=asked.currency,
        customer=asked.customer,
        description=asked.description,
        recipient=prepared.recipient,
        masked_recipient=mask_value("name", prepared.recipient)[:80],
        destination=prepared.destination,
        expires_at=prepared.expires_at,
    )


def _ask(
    actor: Actor, draft: TransactionDraft, conversation_id: UUID, moment: datetime, more: Mapping[str, Any]
) -> TransactionDraft:
    """Store a draft and send its card; older open ones of the conversation are withdrawn."""
    for name, value in more.items():
        setattr(draft, name, value)
    with transaction.atomic():
        conversation = conversations.lock_conversation(conversation_id, actor=None)
        conversations.hold_streams(conversation)
        older = TransactionDraft.objects.filter(conversation=conversation, state=State.OPEN)
        older.update(state=State.DECLINED, token_digest="", code_digest="")
        metadata = secrets_for(draft, conversation)
        with speaking(conversation.spoken_language):
            facts = {"amount": amount_of(draft, spoken_here()), "recipient": draft.recipient}
            ask = gettext("Please confirm: {amount} to {recipient}, {destination}. Nothing is paid before you confirm.")
            text = ask.format(**facts, destination=draft.destination)
            if "choices" in metadata:
                for choice, title in zip(
                    metadata["choices"], (gettext("Confirm"), gettext("Don't confirm")), strict=True
                ):
                    choice["title"] = title
        card = conversations.reply(
            actor=HUB,
            conversation_id=conversation.pk,
            draft=Draft(
                text=text,
                metadata={**metadata, "language": conversation.spoken_language},
                client_id=draft.pk,
                purpose=Consent.Purpose.SERVICE,
                sender=Sender(type="system", name="walker"),
            ),
            now=moment,
            locked=conversation,
        )
        draft.conversation, draft.card_seq, draft.created_at = conversation, card.seq, moment
        draft.save(force_insert=True)
        chain.note(actor, "TRANSACTION_DRAFTED", draft, conversation=str(conversation.pk), digest=draft.digest)
    loose_cache.keep(open_mark(conversation.contact_id), True, seconds=LIFE, what=WHAT)
    return draft


def secrets_for(draft: TransactionDraft, conversation: Conversation) -> dict[str, Any]:
    """Return what a card's buttons carry, or its code where the channel has no buttons; the draft keeps digests."""
    account = conversation.channel_account
    try:
        medium = registry.transport_for(account.kind, account.provider).medium
    except NotFound:
        raise Conflict("This channel can't ask customers.", code="no_transport") from None
    if medium.buttons >= 2:
        token = secrets.token_urlsafe(24)
        draft.token_digest = digest_of_secret(token)
        return {KEY: str(draft.pk), "choices": [{"id": CONFIRM + token}, {"id": DECLINE + token}]}
    code = f"{secrets.randbelow(10**6):06}"
    draft.code_digest = code_digest(draft.pk, code)
    return {KEY: str(draft.pk), "code": code}

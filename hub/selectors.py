"""Reading transactions that customers are asked to confirm."""

from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from conversations.models import Conversation
from conversations.selectors import VIEW, seen_by
from core.actors import Actor
from core.db.rows import get_or_missing
from core.errors import NotFound
from hub.customers import customer_in
from hub.models import TransactionDraft
from integrations.transactions.types import words

MISSING: Final = "There's no transaction with this id."


def query_drafts(*, viewer: Actor) -> QuerySet[TransactionDraft]:
    """Return the drafts in conversations that the viewer sees. Needs `conversations.view_conversation`."""
    viewer.require(VIEW)
    return TransactionDraft.objects.filter(seen_by(viewer, "conversation__"))


def get_draft_in(conversation_id: UUID, draft_id: str) -> TransactionDraft:
    """Return a draft of a conversation by the id that an agent named; another's is the same `NotFound` as none."""
    try:
        key = UUID(draft_id)
    except ValueError:
        raise NotFound(MISSING) from None
    rows = TransactionDraft.objects.filter(pk=key, conversation_id=conversation_id)
    found: TransactionDraft = get_or_missing(rows, MISSING)
    return found


def get_customer(conversation_id: UUID) -> str:
    """Return the back office's id of a conversation's contact. Raises `NotFound`, `Invalid` for an unknown one."""
    rows = Conversation.objects.filter(pk=conversation_id)
    return customer_in(get_or_missing(rows, "There is no such conversation."))


def amount_of(draft: TransactionDraft, language: str = "en") -> str:
    """Return what is to be paid, as people read it."""
    return words(draft.amount, draft.currency, language)

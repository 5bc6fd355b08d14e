"""Read what agents wrote and did not send, masked or revealed."""

from uuid import UUID

from django.db.models import QuerySet

from conversations.inbox.selectors.lists import require_clear
from conversations.inbox.teams.seen import require_view, seen_by
from conversations.models import SuggestedReply
from core.actors import Actor
from core.db.rows import get_or_missing

MISSING = "There is no such suggested reply."


def query_suggestions(*, viewer: Actor) -> QuerySet[SuggestedReply]:
    """Return suggested replies without their clear text. Needs `conversations.view_conversation`."""
    require_view(viewer)
    return SuggestedReply.objects.filter(seen_by(viewer, "conversation__")).defer("body")


def get_suggestion(*, viewer: Actor, suggestion_id: UUID) -> SuggestedReply:
    """Return a suggested reply, masked. Needs `conversations.view_conversation`; raises `NotFound`."""
    return get_or_missing(query_suggestions(viewer=viewer).filter(pk=suggestion_id), MISSING)


def open_suggestion(*, viewer: Actor, conversation_id: UUID, clear: bool = False) -> tuple[SuggestedReply, str] | None:
    """Return the conversation's suggested reply that waits for a review, and its text; None without one. One query.

    Needs `conversations.view_conversation`; `clear` needs an open reveal of the messages, else `Refused` ("no_grant").
    """
    require_view(viewer)
    rows = SuggestedReply.objects.filter(seen_by(viewer, "conversation__"), conversation_id=conversation_id)
    rows = rows.filter(state=SuggestedReply.State.OPEN)
    if clear:
        require_clear(viewer=viewer, conversation_id=conversation_id)
    found = (rows if clear else rows.defer("body")).first()
    return None if found is None else (found, found.body if clear else found.masked_body)


def count_to_review(*, viewer: Actor) -> int:
    """Return how many suggested replies wait for a review, up to 100. Needs `conversations.view_conversation`."""
    rows = query_suggestions(viewer=viewer).filter(state=SuggestedReply.State.OPEN)
    return rows.only("pk")[:100].count()

"""Read what the summary of a conversation is made of; nothing of it is stored."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from agents.knowledge.models import Citation, OpenQuestion
from agents.memory import services
from agents.memory.handover import Asked, Handover, Remembered, Said, compose
from agents.memory.models import ContactFact
from conversations.models import Message
from conversations.selectors import get_conversation, open_suggestion
from core.actors import Actor
from hitl.models import Approval
from hitl.selectors import list_for_conversation

VIEW: Final = "conversations.view_conversation"
READ: Final = 40
REQUESTS: Final = 10


def summarise(*, viewer: Actor, conversation_id: UUID) -> Handover:
    """Return the summary of a conversation for the person who takes it over, masked.

    A constant number of queries. Requests are shown to viewers who may see requests, facts to those who may see
    contacts. Needs `conversations.view_conversation`; raises `NotFound`.
    """
    conversation = get_conversation(viewer=viewer, conversation_id=conversation_id)
    facts = services.list_facts(viewer=viewer, contact_id=conversation.contact_id) if viewer.may(services.VIEW) else []
    return summarise_for_page(viewer=viewer, conversation_id=conversation_id, facts=facts)


def summarise_for_page(
    *,
    viewer: Actor,
    conversation_id: UUID,
    facts: Sequence[ContactFact],
    requests: Sequence[Approval] | None = None,
    has_draft: bool | None = None,
) -> Handover:
    """Return the same for a page that has read the conversation, its contact's facts, and perhaps the rest.

    Needs `conversations.view_conversation`.
    """
    viewer.require(VIEW)
    # An answer that didn't arrive answers nothing.
    arrived = Message.objects.filter(conversation_id=conversation_id).exclude(status=Message.Status.FAILED)
    newest = arrived.order_by("-seq")
    rows = list(newest.only("tenant_id", "sender_type", "masked_body")[:READ])[::-1]
    unknown = OpenQuestion.objects.filter(state=OpenQuestion.State.OPEN, times__conversation_id=conversation_id)
    titles: defaultdict[UUID, list[str]] = defaultdict(list)
    answers = [row.pk for row in rows if row.sender_type == Message.Sender.AGENT]
    cited = Citation.objects.filter(message_id__in=answers).order_by("message_id", "number")
    for message_id, title in cited.values_list("message_id", "document__title"):
        titles[message_id].append(title)
    if not viewer.may("hitl.view_approval"):
        requests = []
    elif requests is None:
        requests = list_for_conversation(viewer=viewer, conversation_id=conversation_id, limit=REQUESTS)
    if has_draft is None:
        has_draft = open_suggestion(viewer=viewer, conversation_id=conversation_id) is not None
    return compose(
        [Said(row.pk, row.sender_type, row.masked_body) for row in rows],
        sources=titles,
        requests=[
            Asked(row.pk, row.reference, row.masked(row.summary), row.state, row.is_open)
            for row in requests[-REQUESTS:]
        ],
        unknown=list(unknown.order_by("times__id").values_list("text", flat=True)[:REQUESTS]),
        has_draft=has_draft,
        facts=[Remembered(row.kind, row.get_kind_display(), row.shown(clear=False)) for row in facts if row.is_current],
    )

"""Finding messages and conversations by words of the masked text, or by a whole address."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet, UUIDField
from django.db.models.expressions import RawSQL

from conversations.models import Contact, ContactPoint, Conversation, Message
from conversations.selectors.points import point_matches
from core.actors import Actor
from core.errors import Invalid
from core.privacy import pii
from core.tenancy.lookups import Search, register_search

VIEW: Final = "conversations.view_conversation"
WORDS_LIMIT: Final = 200
MESSAGES_CAP: Final = 500
"""A search looks at this many messages, the newest that have all the words."""
IN_AN_ADDRESS: Final = (
    "A phone number, a mail address or the like does not belong into a web address, which is kept in many places. "
    "Send the search as POST to /api/v1/conversations/search/."
)

_SEARCH: Final = Search(
    name="messages",
    table="conversations_message",
    words="walker_words(t.tenant_id, t.masked_body)",
    asked="walker_asked_words(tenant, asked)",
    found=(("id", "uuid"), ("conversation_id", "uuid")),
    newest="created_at",
    reads=("masked_body",),
)
register_search(_SEARCH)


def cleaned(words: str) -> str:
    """Return what is looked for, without what no text holds, cut to a length."""
    return words.replace("\0", "").strip()[:WORDS_LIMIT]


def refuse_personal(words: str) -> None:
    """Raise `Invalid` for words with personal data in them: for searches that come as a web address."""
    if pii.find(words):
        raise Invalid(IN_AN_ADDRESS, code="personal_data", fields={"q": ["personal data"]})


def conversations_with(words: str) -> QuerySet[Any]:
    """Return the ids of the conversations with these words, of this whole address or this masked name.

    All words, each from its beginning, stand in one message; of such messages the newest 500 count.
    """
    owners = ContactPoint.objects.filter(point_matches(words)).values("contact_id")
    named = Contact.objects.filter(masked_name=words).values("pk")
    rows = Conversation.objects.order_by()
    said = rows.filter(pk__in=_found("conversation_id", words)).values("pk")
    return said.union(rows.filter(contact_id__in=owners).values("pk"), rows.filter(contact_id__in=named).values("pk"))


def newest_matches(*, viewer: Actor, words: str, conversation_ids: list[UUID]) -> dict[UUID, str]:
    """Return for each of the conversations the masked text of the newest message with these words.

    Needs `conversations.view_conversation`. One query.
    """
    viewer.require(VIEW)
    rows = Message.objects.filter(pk__in=_found("id", cleaned(words)), conversation_id__in=conversation_ids)
    newest = rows.order_by("conversation_id", "-seq").distinct("conversation_id")
    return dict(newest.values_list("conversation_id", "masked_body"))


def _found(column: str, words: str) -> RawSQL:
    # The function and its columns are constants; the words are bound.
    return RawSQL(  # noqa: S611
        f"select {column} from {_SEARCH.function}(%s, %s)",  # noqa: S608
        [words, MESSAGES_CAP],
        output_field=UUIDField(),
    )

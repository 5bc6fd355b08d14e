"""Search messages and conversations by words of the masked text, a full address, or a reference."""

import re
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet, UUIDField
from django.db.models.expressions import RawSQL

from conversations.contacts.selectors.points import point_matches
from conversations.inbox.teams.seen import require_view, seen_by
from conversations.models import Contact, ContactPoint, Conversation, Message
from core.actors import Actor
from core.errors import Invalid
from core.privacy import pii
from core.tenancy.lookups import Search, register_search
from hitl.selectors.search import conversations_of

VIEW: Final = "conversations.view_conversation"
WORDS_LIMIT: Final = 200
MESSAGES_CAP: Final = 500
"""A search considers this many messages, the newest with all the words."""
RECENT: Final = 5000
"""The end of an id is looked for among this many conversations, the newest."""
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_END_OF_ID: Final = re.compile(r"(?:conversation )?…?([0-9a-f]{6})", re.IGNORECASE)
IN_AN_ADDRESS: Final = (
    "Personal data such as phone numbers and email addresses doesn't belong in a URL. "
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
    has_newest_index=True,
)
register_search(_SEARCH)


def cleaned(words: str) -> str:
    """Return the search words without characters that no text contains, cut to length."""
    return words.replace("\0", "").strip()[:WORDS_LIMIT]


def refuse_personal(words: str) -> None:
    """Raise `Invalid` if search words in a URL contain personal data."""
    if pii.find(words):
        raise Invalid(IN_AN_ADDRESS, code="personal_data", fields={"q": ["personal data"]})


def conversations_with(words: str, *, viewer: Actor) -> QuerySet[Any]:
    """Return ids by full address, masked name, reference, or words.

    Words are all (as prefixes) in one of the newest 500 messages. A reference is that of a request made in it, in any
    form, if the viewer may see requests; or its own, as the audit log and its address show it: for the last six
    characters the newest 5,000 conversations are read, one query.
    """
    owners = ContactPoint.objects.filter(point_matches(words)).values("contact_id")
    named = Contact.objects.filter(masked_name=words).values("pk")
    rows = Conversation.objects.order_by()
    with_words = rows.filter(pk__in=_matching("conversation_id", words)).values("pk")
    of_contacts = (rows.filter(contact_id__in=contacts).values("pk") for contacts in (owners, named))
    requested = rows.filter(pk__in=conversations_of(words, viewer=viewer)).values("pk")
    return with_words.union(*of_contacts, requested, rows.filter(pk__in=named_by(words)).values("pk"))


def named_by(words: str) -> list[UUID]:
    """Return the conversations that an address, an id or the end of an id names."""
    if found := _ID.search(words):
        return [UUID(found[0])]
    end = _END_OF_ID.fullmatch(words.strip())
    if end is None:
        return []
    newest = Conversation.objects.order_by("-pk").values_list("pk", flat=True)[:RECENT]
    return [pk for pk in newest if pk.hex.endswith(end[1].lower())]


def newest_matches(*, viewer: Actor, words: str, conversation_ids: list[UUID]) -> dict[UUID, str]:
    """Return the masked text of each conversation's newest message with these words.

    Needs `conversations.view_conversation`. One query.
    """
    require_view(viewer)
    rows = Message.objects.filter(pk__in=_matching("id", cleaned(words)), conversation_id__in=conversation_ids)
    rows = rows.filter(seen_by(viewer, "conversation__"))
    newest = rows.order_by("conversation_id", "-seq").distinct("conversation_id")
    return dict(newest.values_list("conversation_id", "masked_body"))


def _matching(column: str, words: str) -> RawSQL:
    # The function and its columns are constants; the words are bound.
    return RawSQL(  # noqa: S611
        f"select {column} from {_SEARCH.function}(%s, %s)",  # noqa: S608
        [words, MESSAGES_CAP],
        output_field=UUIDField(),
    )

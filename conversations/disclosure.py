"""What an export of a person has of conversations: everything that either side wrote, and who read it."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final
from uuid import UUID

from django.db.models import Q

from conversations.contacts.fields import FIELDS
from conversations.contacts.selectors.names import names_in_conversation
from conversations.messages import file_contents
from conversations.messages.selectors.messages import clear_metadata
from conversations.models import (
    Attachment,
    AudienceSend,
    Availability,
    ChannelAccount,
    Contact,
    ContactMerge,
    ContactPoint,
    ContactTag,
    Conversation,
    ConversationTag,
    CustomValue,
    DeliveryAttempt,
    Draft,
    Message,
    Note,
    NoteVersion,
    SuggestedReply,
    Survey,
    TeamMessage,
    TeamMessageVersion,
)
from core.files.kinds import KINDS
from core.models import AuditEntry, Consent, ConsentWording
from core.privacy.erasure.disclosure import A_FILE, DIGEST, SAME, SEALED, each_once, owned, owned_unindexed, saying
from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import KeptFile, Partner, Reading, every


def _consents(person: Person) -> Iterable[Consent]:
    points = ContactPoint.objects.filter(contact_id__in=person.ids("contacts"))
    return every(Consent.objects.filter(address_index__in=points.values("value_index")))


def _views(person: Person) -> Iterable[AuditEntry]:
    pages = Q(action="CONTACT_VIEWED", object_type="conversations.contact", object_id__in=person.ids("contacts"))
    talks = Q(object_type="conversations.conversation", object_id__in=person.ids("conversations"))
    return every(AuditEntry.objects.filter(pages | talks & Q(action__in=("CONVERSATION_VIEWED", "ATTACHMENT_VIEWED"))))


def _customers(person: Person, row: Note | Draft) -> tuple[str, ...]:
    """Return what another customer is called, in whose conversation a member wrote."""
    is_own = row.conversation_id in person.ids("conversations")
    return () if is_own else names_in_conversation(row.conversation_id)


def _messages(person: Person) -> Iterator[Message]:
    """Yield the messages without what the customer alone can answer with, such as the code of a payment."""
    for row in every(Message.objects.filter(conversation_id__in=person.ids("conversations"))):
        row.metadata = clear_metadata(row.metadata)
        yield row


def _noted(person: Person, *, is_personal: bool) -> Iterable[CustomValue]:
    """Return the values of fields that hold the person's own data, or of those in which it may be anybody's."""
    whose = Q(contact__in=person.ids("contacts")) | Q(conversation__in=person.ids("conversations"))
    rows = CustomValue.objects.filter(whose, field__is_personal=is_personal)
    return every(rows.select_related("field"))


def _attachments(person: Person) -> Iterable[Attachment]:
    rows = Attachment.objects.filter(message__conversation_id__in=person.ids("conversations"))
    return every(rows.defer("content", "file_key", "source"))


def _file_of(row: Attachment) -> KeptFile | None:
    if row.state != Attachment.State.STORED:
        return None
    kind = KINDS.get(row.content_type)
    # The row again: its bytes, which may lie in it, are in memory no longer than they are read.
    return KeptFile(kind.endings[0] if kind else "bin", partial(_content_of, row.pk))


def _content_of(attachment_id: UUID) -> bytes:
    return file_contents.read_content(Attachment.objects.get(pk=attachment_id))


READINGS: Final = (
    Reading(
        model="conversations.Contact", title="Who you are", rows=owned(Contact, pk="contacts"),
        shown=" ".join(("id", "created_at", *(field.columns[0] for field in FIELDS))),
        unread={" ".join(name for field in FIELDS for name in field.columns[1:]): SAME},
    ),
    Reading(
        model="conversations.ContactPoint", title="Your addresses",
        shown="kind value is_verified is_primary created_at", rows=owned(ContactPoint, contact="contacts"),
        unread={"value_index": DIGEST, "masked_value": SAME},
    ),
    Reading(
        model="conversations.ContactTag", title="Words you were tagged with", masked="name",
        rows=owned(ContactTag, contact="contacts"),
    ),
    Reading(
        model="conversations.ContactMerge", title="Why entries about you were put together",
        shown="merged_at undone_at", masked="reason", rows=owned(ContactMerge, contact="contacts"),
        unread={"masked_reason": SAME},
    ),
    Reading(
        model="core.Consent", title="What you agreed to, and what you objected to",
        shown="channel purpose state source at recorded_at wording_id way place evidence expires_at", rows=_consents,
        kept="For good: an objection outlives everything else, so that nobody writes to you again.",
    ),
    Reading(
        model="core.ConsentWording", title="The words that you agreed to", shown="id purpose version text",
        rows=lambda person: every(
            ConsentWording.objects.filter(pk__in={row.wording_id for row in _consents(person)} - {None})
        ),
        kept="For good, with what you agreed to.",
    ),
    Reading(
        model="core.AuditEntry", title="Which roles opened your page, conversations and files",
        shown="at role actor_kind action object_id facts", rows=_views, kept="For good: the audit log stays whole.",
    ),
    Reading(
        model="conversations.AudienceSend", title="Messages that were sent to many people at once",
        shown="created_at left_out", rows=owned(AudienceSend, contact="contacts"),
    ),
    Reading(
        model="conversations.Conversation", title="Your conversations",
        shown="id state resolved intent language reading priority urgency lead escalation_reason created_at "
        "last_message_at closed_at", rows=owned(Conversation, pk="conversations"),
    ),
    Reading(
        model="conversations.ConversationTag", title="Words your conversations were tagged with",
        shown="conversation_id added_at", masked="tag.name",
        rows=lambda person: every(
            ConversationTag.objects.filter(conversation__in=person.ids("conversations")).select_related("tag")
        ),
    ),
    Reading(
        model="conversations.CustomValue", title="Personal data that was noted about you and your conversations",
        shown="conversation_id field.name value changed_at", rows=partial(_noted, is_personal=True),
        unread={"text": SAME, "value_index": DIGEST},
    ),
    Reading(
        model="conversations.CustomValue", title="What else was noted about you and your conversations",
        shown="conversation_id field.name changed_at", masked="value", rows=partial(_noted, is_personal=False),
    ),
    Reading(
        model="conversations.Message", title="Messages in your conversations",
        shown="id conversation_id created_at direction sender_type content_type purpose status sent_at body",
        masked="media metadata", rows=_messages,
        unread={"masked_body": SAME, "client_id": "A number by which a browser's repeats are found."},
    ),
    Reading(
        model="conversations.Message", title="What you wrote to customers",
        shown="id created_at status sent_at", masked="masked_body", rows=owned_unindexed(Message, sender_id="users"),
        kept="Until the customer is erased; your name until you are.",
    ),
    Reading(
        model="conversations.Attachment", title="Files in your conversations",
        shown="id message_id filename content_type size state created_at", rows=_attachments, file=_file_of,
        unread={
            "source": "Where a provider kept it until we fetched it.", "content": A_FILE, "file_key": SEALED,
            "digest": DIGEST,
        },
        kept="Until you are erased, or {FILE_DAYS} days (0: not by age).",
    ),
    Reading(
        model="conversations.DeliveryAttempt", title="How messages were sent",
        shown="message_id started_at finished_at outcome error http_status", masked="error_text",
        rows=owned(DeliveryAttempt, message__conversation="conversations"),
        unread={"parts": "Numbers that a provider gave the parts of a message."},
    ),
    Reading(
        model="conversations.Note", title="Notes about you, or by you", shown="conversation_id created_at edited_at",
        masked="body", rows=owned(Note, conversation="conversations", author="users"), others=_customers,
        unread={"masked_body": SAME},
    ),
    Reading(
        model="conversations.NoteVersion", title="What these notes said before", shown="note_id written_at",
        masked="body", rows=owned(NoteVersion, note__conversation="conversations", note__author="users"),
        others=lambda person, row: _customers(person, row.note), unread={"masked_body": SAME},
    ),
    Reading(
        model="conversations.Draft", title="Replies that were begun", shown="conversation_id updated_at",
        masked="body", rows=owned(Draft, conversation="conversations", writer="users"), others=_customers,
        kept="For 30 days after the last change.",
    ),
    Reading(
        model="conversations.SuggestedReply", title="Replies that agents suggested",
        shown="conversation_id created_at state reason confidence", masked="body",
        rows=owned(SuggestedReply, conversation="conversations"), unread={"masked_body": SAME},
    ),
    Reading(
        model="conversations.Survey", title="What you said about conversations",
        shown="conversation_id asked_at answered_at rating comment way",
        rows=owned(Survey, conversation="conversations"), unread={"masked_comment": SAME},
    ),
    Reading(
        model="conversations.TeamMessage", title="Messages in teams' chats by you, or with an address of yours",
        shown="created_at edited_at", masked="body", unread={"masked_body": SAME},
        rows=each_once(owned_unindexed(TeamMessage, author="users"), saying(TeamMessage, "body")),
    ),
    Reading(
        model="conversations.TeamMessageVersion", title="What these messages said before", shown="written_at",
        masked="body", unread={"masked_body": SAME},
        rows=each_once(owned(TeamMessageVersion, message__author="users"), saying(TeamMessageVersion, "body")),
    ),
    Reading(
        model="conversations.Availability", title="When you were away", shown="state source since until reason",
        rows=owned(Availability, user="users"),
    ),
)  # fmt: skip


def partners(person: Person) -> Iterator[Partner]:
    """Yield the channels that the person wrote or was written to by, and colleagues who wrote about them."""
    talks = Conversation.objects.filter(pk__in=person.ids("conversations"))
    for account in ChannelAccount.objects.filter(pk__in=talks.values("channel_account")).order_by("pk"):
        what = f"Messages by {account.kind_label}, carried by {account.provider}"
        yield Partner(account.name, what, gave=True, got=True)
    if Note.objects.filter(conversation__in=talks).exists():
        yield Partner("Colleagues of the organisation", "Notes about you", gave=True)

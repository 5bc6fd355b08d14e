"""Erase what conversations keep about people: everything that either side wrote."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final

from django.db.models import Q

from conversations import disclosure
from conversations.contacts import fields
from conversations.contacts.names import mask_for_contact
from conversations.events import stream_events
from conversations.messages import file_contents
from conversations.models import (
    Attachment,
    Availability,
    CannedReply,
    ChannelAccount,
    Contact,
    ContactMerge,
    ContactPoint,
    ContactTag,
    Conversation,
    CustomValue,
    DeliveryAttempt,
    Draft,
    Macro,
    Message,
    Note,
    NoteVersion,
    SuggestedReply,
    Survey,
    TeamChatReader,
    TeamMember,
    TeamMessage,
    TeamMessageVersion,
)
from conversations.replies.canned_replies import delete_rows
from core.clock import now
from core.events import streams
from core.models import StreamEvent
from core.privacy.erasure.person import ERASED, Person, Words
from core.privacy.erasure.registry import (
    HANDLERS,
    Batch,
    ErasureHandler,
    Partner,
    Reading,
    Step,
    Table,
    among,
    emptied,
    window,
)
from core.privacy.pii import mask_text
from core.reach import windows
from core.tenancy.models import TenantModel

GONE: Final = "erased"
PROVED: Final = ("phone", "email", "bsuid", "customer")
SENDING: Final = (Message.Status.QUEUED, Message.Status.SENDING)


def _empties(model: type[TenantModel], whose: str, done: Mapping[str, Any], **also: Any) -> Callable[..., Batch]:
    """Return the step that empties columns of a person's rows; `done` are those that say whether it has been done."""
    kind = "contacts" if whose == "contact" else "conversations"

    def step(person: Person, after: str, limit: int) -> Batch:
        rows = model.objects.filter(**{f"{whose}__in": person.ids(kind)}).exclude(**done)
        return emptied(rows, limit, **done, **also)

    return step


def _contacts(person: Person, after: str, limit: int) -> Batch:
    """Detach contacts that were linked to the member after the erasure began."""
    late = Contact.objects.filter(pk__in=person.ids("contacts"), erased_at=None).count()
    if late:
        ConversationsErasure.detach(person)
    return Batch(late)


def _messages(person: Person, after: str, limit: int) -> Batch:
    rows = Message.objects.filter(conversation_id__in=person.ids("conversations"))
    DeliveryAttempt.objects.filter(message__in=rows).exclude(error_text="", parts={}).update(error_text="", parts={})
    # Meta's ids hold the customer's phone number. A late repeat is still one: its delivery has a digest of the id.
    at_meta = rows.filter(channel_account__provider=ChannelAccount.Provider.CLOUD)
    DeliveryAttempt.objects.filter(message__in=at_meta).exclude(provider_id="").update(provider_id="")
    at_meta.exclude(channel_message_id="").update(channel_message_id="")
    left = rows.exclude(masked_body=ERASED, media=[], client_id=None)
    return emptied(left, limit, body=ERASED, masked_body=ERASED, media=[], metadata={}, client_id=None)


def _files(person: Person, after: str, limit: int) -> Batch:
    rows = Attachment.objects.filter(message__conversation_id__in=person.ids("conversations")).exclude(error=GONE)
    # Without its key a file in a store outside can't be read; the bytes go as well, a moment later.
    file_contents.plan_removal(rows.only("id", "store").order_by("pk")[:limit])
    values = {**file_contents.EMPTY, "filename": "", "source": "", "error": GONE, "width": 0, "height": 0}
    return emptied(rows, limit, **values, state=Attachment.State.FAILED, next_attempt_at=None)


def _notes(person: Person, after: str, limit: int) -> Batch:
    NoteVersion.objects.filter(note__conversation_id__in=person.ids("conversations")).delete()
    rows = Note.objects.filter(conversation_id__in=person.ids("conversations")).exclude(masked_body=ERASED)
    return emptied(rows, limit, body=ERASED, masked_body=ERASED)


def _drafts(person: Person, after: str, limit: int) -> Batch:
    ours = Q(conversation_id__in=person.ids("conversations")) | Q(writer_id__in=person.ids("users"))
    keys = list(Draft.objects.filter(ours).order_by("pk").values_list("pk", flat=True)[:limit])
    return Batch(Draft.objects.filter(pk__in=keys).delete()[0] if keys else 0)


def _values(person: Person, after: str, limit: int) -> Batch:
    rows = CustomValue.objects.filter(conversation_id__in=person.ids("conversations"))
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:limit])
    return Batch(CustomValue.objects.filter(pk__in=keys).delete()[0] if keys else 0)


def _events(person: Person, after: str, limit: int) -> Batch:
    names = [f"{kind}:{key}" for key in person.ids("conversations") for kind in ("conversation", "conversation-staff")]
    found, last = window(StreamEvent.objects.filter(stream__in=names).only("pk"), "", limit)
    keys = [row.pk for row in found]
    return Batch(StreamEvent.objects.filter(pk__in=keys).delete()[0] if keys else 0, last)


def _own_replies(person: Person, after: str, limit: int) -> Batch:
    """Remove a member's name from their messages to customers: the rest belongs to the customer too."""
    if not person.ids("users"):
        return Batch()
    written = Message.objects.filter(sender_id__in=person.ids("users"), sender_type="person")
    rows, last = among(written, after, limit * 10)
    return Batch(sum(_rewritten(person, row) for row in rows), last)


def _own_notes(person: Person, after: str, limit: int) -> Batch:
    if not person.ids("users"):
        return Batch()
    # What a colleague's own notes said before may hold their name; what they say now is kept without it.
    NoteVersion.objects.filter(note__author_id__in=person.ids("users")).delete()
    rows, last = window(Note.objects.filter(author_id__in=person.ids("users")), after, limit)
    return Batch(sum(_rewritten(person, row) for row in rows), last)


def _team_messages(person: Person, after: str, limit: int) -> Batch:
    """Empty what colleagues wrote in a team's chat with one of the person's proven addresses, and rewrite own words."""
    if not person.ids("users") and not person.addresses:
        return Batch()
    users, changed = set(person.ids("users")), 0
    TeamMessageVersion.objects.filter(message__author_id__in=users).delete()
    rows, last = window(TeamMessage.objects.all(), after, limit)
    for row in rows:
        if row.author_id in users:
            changed += _rewritten(person, row)
            continue
        versions = TeamMessageVersion.objects.filter(message=row) if row.edited_at else ()
        if row.masked_body != ERASED and any(person.is_addressed_in(text.body) for text in (row, *versions)):
            changed += int(TeamMessage.objects.filter(pk=row.pk).update(body=ERASED, masked_body=ERASED))
            TeamMessageVersion.objects.filter(message=row).delete()
    return Batch(changed, last)


def _availability(person: Person, after: str, limit: int) -> Batch:
    TeamMember.objects.filter(user_id__in=person.ids("users")).delete()
    TeamChatReader.objects.filter(user_id__in=person.ids("users")).delete()
    delete_rows(CannedReply.objects.filter(owner_id__in=person.ids("users")))
    Macro.objects.filter(owner_id__in=person.ids("users")).delete()
    rows = Availability.objects.filter(user_id__in=person.ids("users")).exclude(reason="")
    return emptied(rows, limit, reason="")


def _rewritten(person: Person, row: Message | Note | TeamMessage) -> int:
    """Replace the name, or erase the whole text if a spelling is found that cannot be replaced."""
    if not person.is_named_in(row.body):
        return 0
    body = person.without_name(row.body)
    if person.is_named_in(body):
        body = ERASED
    if body == row.body:
        return 0
    masked = mask_text(body) if isinstance(row, TeamMessage) else mask_for_contact(body, row.conversation)
    return int(type(row).objects.filter(pk=row.pk).update(body=body, masked_body=masked))


class ConversationsErasure(ErasureHandler):
    """Erases contacts, conversations, messages, files and notes."""

    order: ClassVar[int] = 20
    purpose: ClassVar[str] = "To answer people who write to the organisation, by the right colleague and in time."
    readings: ClassVar[tuple[Reading, ...]] = disclosure.READINGS
    tables: ClassVar[tuple[Table, ...]] = (
        Table("conversations.Contact", "", " ".join(fields.COLUMNS)),
        Table("conversations.ContactMerge", "Ids of what moved.", "reason masked_reason", "moved"),
        Table("conversations.ContactPoint", "Rows are removed: someone who writes again is a new contact.",
              "value value_index masked_value"),
        Table("conversations.ContactTag", "Rows are removed.", "name"),
        Table("conversations.CustomField", "The organisation's own fields.", kept="key name options pattern hint"),
        Table("conversations.CustomValue", "Rows are removed.", "value text value_index"),
        Table("conversations.Draft", "Rows are removed.", "body"),
        Table("conversations.Conversation", "Codes for why a person was asked and what was wanted; times of "
              "snoozing; the digest of a mail thread.", "reading language",
              "escalated_by escalation_reason rests thread"),
        Table("conversations.Message", "The provider's id if it is random, so that a late repeat is one; a code.",
              "body masked_body media metadata client_id", "sender_name channel_message_id"),
        Table("conversations.Attachment", "Kind of file and codes.", "filename source content file_key digest",
              "content_type store error"),
        Table("conversations.BulkChange", "Ids of conversations, codes, and our own sentences.",
              kept="key change values conversation_ids results"),
        Table("conversations.FileRemoval", "A name and an id in a store; rows go once the file is removed.",
              kept="store file_id"),
        Table("conversations.Note", "People are ids in it.", "body masked_body", "mentions"),
        Table("conversations.NoteVersion", "Rows are removed.", "body masked_body"),
        Table("conversations.SuggestedReply", "A code, and titles of the organisation's own documents.",
              "body masked_body", "reason sources"),
        Table("conversations.Survey", "The mark, when it was given, and a code.", "comment masked_comment", "skipped"),
        Table("conversations.DeliveryAttempt", "The provider's id if it is random, and a code.", "error_text parts",
              "provider_id error template_id"),
        Table("conversations.AudienceSend", "A key of the send, so that nobody is messaged twice, and a code.",
              kept="send_key left_out"),
        Table("conversations.ChannelAccount", "The organisation's own numbers, mailboxes and keys.",
              kept="kind provider name address public_key credentials origins keepers lookup_digest provider_digest "
              "last_error pause_reason template_uses"),
        Table("conversations.Team", "The organisation's own name for it, and its question.",
              kept="name survey_question"),
        Table("conversations.TeamMessage", "Colleagues' own words, without the person's name and addresses.",
              "body masked_body", "mentions"),
        Table("conversations.TeamMessageVersion", "Rows are removed.", "body masked_body"),
        Table("conversations.TriageRule", "The organisation's own rules.", kept="name condition"),
        Table("conversations.Triage", "Names of rules, and facts such as channel, hour and language.",
              kept="rule_name facts reply_key"),
        Table("conversations.Tag", "The organisation's own word.", kept="name"),
        Table("conversations.CannedReply", "The organisation's own texts; a person's own ones are deleted with them.",
              kept="shortcut title text language translations"),
        Table("conversations.CannedFile", "The organisation's own files; a person's own ones are deleted with them.",
              kept="content_type filename content store file_key digest"),
        Table("conversations.Macro", "The organisation's own steps; a person's own ones are deleted with them.",
              kept="name steps"),
        Table("conversations.Availability", "The times stay, without a reason.", "reason"),
        Table("conversations.MessageTemplate", "The organisation's own templates, with holes for values.",
              kept="name language provider_id category body components variables"),
    )  # fmt: skip
    steps: ClassVar[tuple[Step, ...]] = (
        Step("contacts", "Contacts linked in the meantime", _contacts),
        Step("messages", "Messages", _messages, of_conversations=True),
        Step("files", "Files", _files, of_conversations=True),
        Step("notes", "Notes about the contact", _notes, of_conversations=True),
        Step(
            "merges",
            "Why contacts were merged",
            _empties(ContactMerge, "contact", {"masked_reason": ERASED}, reason=ERASED),
        ),
        Step("drafts", "Replies that were begun", _drafts, of_conversations=True),
        Step(
            "readings",
            "What messages were read as",
            _empties(Conversation, "pk", {"reading": {}, "language": ""}),
            of_conversations=True,
        ),
        Step(
            "suggestions",
            "Replies that agents suggested",
            _empties(SuggestedReply, "conversation", {"masked_body": ERASED}, body=ERASED),
            of_conversations=True,
        ),
        Step(
            "surveys",
            "What they said about conversations",
            _empties(Survey, "conversation", {"masked_comment": ""}, comment=""),
            of_conversations=True,
        ),
        Step("values", "Custom fields of the conversations", _values, of_conversations=True),
        Step("events", "Events of the conversations", _events, of_conversations=True),
        Step("own_replies", "Own messages that held the name", _own_replies),
        Step("own_notes", "Own notes that held the name", _own_notes),
        Step("team_messages", "Messages in chats of teams that held an address or the name", _team_messages),
        Step("availability", "Own reasons for being away", _availability),
    )

    @classmethod
    def gather(cls, person: Person) -> None:
        """Collect the contacts linked to the member, those merged with them, and the conversations of all of them."""
        linked = Contact.objects.filter(user_id__in=person.ids("users"))
        person.add("contacts", linked.order_by("id").values_list("id", flat=True))
        known = Contact.objects.filter(pk__in=person.ids("contacts"))
        person.add("contacts", known.exclude(merged_into=None).order_by("id").values_list("merged_into", flat=True))
        merged = Contact.objects.filter(merged_into__in=person.ids("contacts"))
        person.add("contacts", merged.order_by("id").values_list("id", flat=True))
        rows = Conversation.objects.filter(contact_id__in=person.ids("contacts"))
        person.add("conversations", rows.order_by("id").values_list("id", flat=True))

    @classmethod
    def partners(cls, person: Person) -> Iterable[Partner]:
        """Return the channels that the person wrote or was written to by, and colleagues who wrote about them."""
        return disclosure.partners(person)

    @classmethod
    def words(cls, person: Person) -> Words:
        """Return full names and proven addresses of the person's contacts: a chosen user name proves nothing."""
        contacts = Contact.objects.filter(pk__in=person.ids("contacts"))
        names = [row.display_name for row in contacts]
        points = ContactPoint.objects.filter(contact__in=contacts, kind__in=PROVED, is_verified=True)
        return Words(tuple(filter(is_identifying, names)), tuple(point.value for point in points))

    @classmethod
    def in_the_way(cls, person: Person) -> list[str]:
        """Return why erasure has to wait: a provider will still report on a message being sent."""
        rows = Message.objects.filter(conversation_id__in=person.ids("conversations"), status__in=SENDING)
        return ["message_on_its_way"] if rows.exists() else []

    @classmethod
    def detach(cls, person: Person) -> None:
        """Remove addresses, name, tags and custom values and close open conversations: no channel finds the contact."""
        contacts = person.ids("contacts")
        list(Contact.objects.select_for_update(of=("self",)).filter(pk__in=contacts).order_by("pk").values_list("pk"))
        points = ContactPoint.objects.filter(contact_id__in=contacts)
        windows.erase(points.values_list("value_index", flat=True))
        points.delete()
        ContactTag.objects.filter(contact_id__in=contacts).delete()
        Contact.objects.filter(pk__in=contacts).update(**fields.ERASED, user=None, linked_by=None, erased_at=now())
        conversations = person.ids("conversations")
        CustomValue.objects.filter(Q(contact__in=contacts) | Q(conversation__in=conversations)).delete()
        waiting = Message.objects.filter(conversation_id__in=conversations, status=Message.Status.QUEUED)
        waiting.update(status=Message.Status.FAILED, next_attempt_at=None)
        rows = Conversation.objects.select_for_update(of=("self",)).filter(pk__in=conversations)
        events: list[streams.NewEvent] = []
        for conversation in rows.exclude(state=Conversation.State.CLOSED).order_by("pk"):
            conversation.state, conversation.resolved, conversation.closed_at = Conversation.State.CLOSED, False, now()
            conversation.save(update_fields=["state", "resolved", "closed_at"])
            events += stream_events.state_events(conversation, inbox_type="conversation_closed", resolved=False)
        streams.append_all(events)
        open_ones = SuggestedReply.objects.filter(conversation_id__in=conversations, state=SuggestedReply.State.OPEN)
        open_ones.update(state=SuggestedReply.State.REPLACED, reviewed_at=now())


def is_identifying(name: str) -> bool:
    """Return True if a name identifies one person: a first name alone does not."""
    return len(name.split()) > 1 or len(name.strip()) > 11


HANDLERS.register("conversations", ConversationsErasure)

"""Let closed conversations and idle contacts go by their age, and know what legal holds on them reach."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from conversations.contacts.erasure import lock_whole
from conversations.messages import file_contents
from conversations.models import LIVE, Attachment, Contact, Conversation, Message, Note
from conversations.transitions import UNDELIVERED
from core.actors import system
from core.clock import now
from core.db.roles import allow_long_statements
from core.db.rows import get_row
from core.errors import Conflict
from core.models import Erasure, LegalHold
from core.observability.logging import get_logger
from core.privacy.erasure import services as erasures
from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import steps
from core.privacy.retention.holds import Held, HoldSubjects, find_held, hold_with
from core.privacy.retention.registry import RULES, RetentionRule

log = get_logger(__name__)
KEEPER: Final = system("retention")
AT_ONCE: Final = 20
"""How many contacts are erased for their age at a time: each erasure looks through all tables."""


class ClosedConversations(RetentionRule):
    """Empties all that hangs on conversations, as an erasure does; they and their messages stay as rows."""

    order: ClassVar[int] = 10
    title: ClassVar[str] = "Closed conversations"
    what: ClassVar[str] = (
        "Messages, files, notes, replies, comments and what agents looked up go, counted from the day it was closed, "
        "or from a later message or note. That it took place, when, who the contact was and how it was rated stays."
    )
    tables: ClassVar[str] = (
        "conversations.Conversation conversations.Message conversations.Attachment conversations.DeliveryAttempt "
        "conversations.Note conversations.NoteVersion conversations.Draft conversations.SuggestedReply "
        "conversations.Survey conversations.CustomValue agents.FlowSession agents.OpenQuestion agents.QuestionAsked "
        "agents.EvalResult agents.ToolCall core.StreamEvent core.WebhookDelivery"
    )
    least: ClassVar[int] = 30
    by: ClassVar[str] = "closed_at"
    batch: ClassVar[int] = 20

    @classmethod
    def due(cls, before: datetime, held: Held) -> QuerySet[Conversation]:
        """Return closed ones that nothing is being sent in, and nothing was added to since."""
        waiting = Message.objects.filter(conversation=OuterRef("pk"), status__in=UNDELIVERED)
        young = Note.objects.filter(conversation=OuterRef("pk"), created_at__gte=before)
        rows = Conversation.objects.filter(closed_at__lt=before, last_message_at__lt=before, emptied_at=None)
        return rows.exclude(pk__in=held.conversations).filter(~Exists(waiting), ~Exists(young))

    @classmethod
    def remove(cls, keys: Sequence[UUID]) -> int:
        """Empty a step's next rows; a long conversation takes several transactions until it is marked."""
        person, changed = Person(Erasure(), {"conversations": [str(key) for key in keys]}), 0
        for step in steps():
            if step.of_conversations:
                done = step.work(person, "", cls.batch * 25)
                changed += done.changed
                if done.last:
                    return changed
        return changed + Conversation.objects.filter(pk__in=keys).update(emptied_at=now())


class IdleContacts(RetentionRule):
    """Erases contacts who haven't written or been written to, as a person would, for being no longer needed."""

    order: ClassVar[int] = 20
    title: ClassVar[str] = "Idle contacts"
    what: ClassVar[str] = (
        "The contact is erased everywhere, counted from the last message. People linked to a colleague and those with "
        "an open conversation or request stay."
    )
    tables: ClassVar[str] = (
        "conversations.Contact conversations.ContactPoint conversations.ContactTag conversations.ContactMerge "
        "conversations.CustomValue agents.ContactFact hub.CustomerLink hub.CrmContact core.ReplyWindow core.SendCount"
    )
    least: ClassVar[int] = 30
    batch: ClassVar[int] = 100

    @classmethod
    def due(cls, before: datetime, held: Held) -> QuerySet[Contact]:
        """Return contacts that no conversation needs; what was merged into one goes with it."""
        conversations = Conversation.objects.filter(contact=OuterRef("pk"))
        busy = conversations.filter(Q(state__in=LIVE) | Q(last_message_at__gte=before))
        colleagues = Contact.objects.filter(merged_into=OuterRef("pk"), user__isnull=False)
        rows = Contact.objects.filter(created_at__lt=before, user=None, erased_at=None, merged_into=None)
        return rows.exclude(pk__in=held.contacts).filter(~Exists(busy), ~Exists(colleagues))

    @classmethod
    def work(cls, before: datetime, limit: int) -> int:
        """Begin the next erasures, while few are at work; return how many."""
        held = find_held()
        if held.everything:
            return 0
        unfinished = Erasure.objects.filter(subject_type=Erasure.Subject.CONTACT, state__in=erasures.UNFINISHED)
        room, begun = AT_ONCE - unfinished.count(), 0
        if room <= 0:
            return 0
        with transaction.atomic():
            allow_long_statements()
            found = list(cls.due(before, held).order_by("created_at").values_list("pk", flat=True)[:limit])
        for key in found:
            if begun >= room:
                break
            begun += cls._erase(key, before)
        return begun

    @classmethod
    def _erase(cls, contact_id: UUID, before: datetime) -> bool:
        """Begin the erasure of a contact unless they wrote meanwhile, or something is in the way."""
        try:
            with transaction.atomic():
                lock_whole(contact_id)
                if not cls.due(before, find_held()).filter(pk=contact_id).exists():
                    return False
                erasures.open_erasure(
                    actor=KEEPER,
                    subject_type=Erasure.Subject.CONTACT,
                    subject_id=contact_id,
                    reason=Erasure.Reason.NOT_NEEDED,
                    targets={"contacts": [contact_id]},
                )
        except Conflict as problem:
            log.info("idle_contact_stays", contact=str(contact_id), code=problem.code)
            return False
        return True


class Files(RetentionRule):
    """Empties files of messages; their kind stays."""

    order: ClassVar[int] = 25
    title: ClassVar[str] = "Files in conversations"
    what: ClassVar[str] = "Files that were sent and received go, also in open conversations. Their kind stays."
    tables: ClassVar[str] = "conversations.Attachment"
    least: ClassVar[int] = 7
    batch: ClassVar[int] = 50

    @classmethod
    def limit(cls) -> int | None:
        """Return for how long the installation keeps them, if it says so."""
        return int(settings.FILE_DAYS) or None

    @classmethod
    def due(cls, before: datetime, held: Held) -> QuerySet[Attachment]:
        """Return old files that are here."""
        rows = Attachment.objects.filter(state=Attachment.State.STORED, created_at__lt=before)
        return rows.exclude(message__conversation_id__in=held.conversations)

    @classmethod
    def remove(cls, keys: Sequence[UUID]) -> int:
        """Drop the bytes and names of locked files."""
        rows = Attachment.objects.filter(pk__in=keys)
        file_contents.plan_removal(rows.only("id", "store"))
        gone = {
            **file_contents.EMPTY,
            "filename": "",
            "source": "",
            "error": file_contents.EXPIRED,
            "next_attempt_at": None,
        }
        return int(rows.update(**gone, state=Attachment.State.FAILED))


class Subjects(HoldSubjects):
    """Holds on contacts follow them when they are merged; those on a conversation keep its contact, too."""

    def require(self, subject_type: str, subject_id: UUID) -> None:
        """Raise NotFound for what isn't there, Conflict for an erased contact or their conversation."""
        if subject_type == LegalHold.Subject.CONTACT:
            contact = get_row(Contact, subject_id, "There is no such contact.")
        else:
            contact = get_row(Conversation, subject_id, "There is no such conversation.").contact
        if contact.erased_at is not None:
            raise Conflict("This person was erased, so there is nothing to hold.", code="erased")

    def reach(self, contacts: Collection[UUID], conversations: Collection[UUID]) -> Held:
        """Return the contacts of the same people with their conversations, and single conversations."""
        people = _same_people(contacts)
        talks = Conversation.objects.filter(contact_id__in=people).values_list("pk", flat=True)
        of_talks = Conversation.objects.filter(pk__in=conversations).values_list("contact_id", flat=True)
        kept = people | _same_people(list(of_talks))
        return Held(contacts=frozenset(kept), conversations=frozenset([*conversations, *talks]))


def holds_on(contact: Contact) -> list[LegalHold]:
    """Return the holds that keep a contact: on everything, on the same person, or on one of their conversations.

    For pages whose viewer may see the contact. One query while nothing is held.
    """
    found = list(LegalHold.objects.filter(lifted_at=None).order_by("placed_at", "pk"))
    if not found:
        return []
    people = _same_people([contact.pk])
    subjects = [row.subject_id for row in found if row.subject_type == LegalHold.Subject.CONVERSATION]
    talks = Conversation.objects.filter(pk__in=subjects, contact_id__in=people).values_list("pk", flat=True)
    held = {None, *people, *talks}
    return [row for row in found if row.subject_id in held]


def _same_people(contacts: Collection[UUID]) -> set[UUID]:
    """Return these contacts with all that were merged with them."""
    rows = Contact.objects.filter(pk__in=contacts).values_list("pk", "merged_into")
    heads = {merged_into or key for key, merged_into in rows}
    return heads | set(Contact.objects.filter(merged_into__in=heads).values_list("pk", flat=True))


RULES.register("conversations", ClosedConversations)
RULES.register("contacts", IdleContacts)
RULES.register("files", Files)
hold_with(Subjects())

"""Tables of conversations and their tags."""

from typing import ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Lower

from conversations.channel_accounts.models import ChannelAccount
from conversations.contacts.models import Contact, ContactPoint
from conversations.inbox.teams.models import Priority, Team
from core.clock import now
from core.reliability.lease import Leased
from core.tenancy.models import Dated, TenantModel
from core.text.speech import SPOKEN, spoken

URGENT: Final = 40
HOT: Final = 60
WARM: Final = 30
WAITS_FOR_PERSON: Final = Q(state="person", assigned_to=None, snoozed_until=None)
"""Unassigned, and waiting for a person now."""
LIVE: Final = ("agent", "person")
"""The states that are not closed, listed because an index can find these but not "not closed"."""


class Conversation(Dated, TenantModel):
    """The exchange with one contact; at most one is open per channel account, by mail one per thread."""

    class State(models.TextChoices):
        """Who answers."""

        AGENT = "agent", "Agent"
        PERSON = "person", "Person"
        CLOSED = "closed", "Closed"

    class Intent(models.TextChoices):
        """What the customer seems to want."""

        ORDER_STATUS = "order_status", "Order status"
        RETURNS = "returns", "Return or refund"
        OPENING_HOURS = "opening_hours", "Opening hours"
        PRICE = "price", "Price"
        BOOKING = "booking", "Booking"
        COMPLAINT = "complaint", "Complaint"
        CANCELLATION = "cancellation", "Cancellation"
        SALES_INTEREST = "sales_interest", "Wants to buy"
        CAMPAIGN_FIGURES = "campaign_figures", "Figures"
        CAMPAIGN_CHANGE = "campaign_change", "Change requested"
        CONTENT = "content", "Content"
        APPROVAL_STATUS = "approval_status", "Status of a request"
        PERSON_WANTED = "person_wanted", "Wants a person"
        GREETING = "greeting", "Greeting"
        OTHER = "other", "Something else"

    channel_account = models.ForeignKey(ChannelAccount, on_delete=models.PROTECT)
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="conversations")
    origin = models.ForeignKey(
        Contact,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="The merged contact that it came with: only its addresses belong to this conversation.",
    )
    thread = models.CharField(
        max_length=64, blank=True, default="", editable=False, help_text="The mail thread; empty on other channels."
    )
    state = models.CharField(max_length=8, choices=State, default=State.AGENT)
    resolved = models.BooleanField(null=True)
    assigned_to = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    last_person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="Who had it last, also after it was closed.",
    )
    team = models.ForeignKey(Team, null=True, on_delete=models.PROTECT, related_name="conversations", db_index=False)
    team_since = models.DateTimeField(null=True)
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.NORMAL)
    waiting_since = models.DateTimeField(null=True, help_text="When the first message came that has no answer yet.")
    first_answered_at = models.DateTimeField(
        null=True, help_text="By an agent or a person; automatic words don't count."
    )
    first_person_answered_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True, help_text="When the message came that the first answer is for.")
    person_asked_at = models.DateTimeField(
        null=True, help_text="Since when the customer waited for the first answer of a person."
    )
    rests = models.JSONField(
        default=list, editable=False, help_text="From when to when it was snoozed before a person's first answer."
    )
    next_due_at = models.DateTimeField(null=True, help_text="When the next answer is due by the team's target.")
    warned_due_at = models.DateTimeField(null=True, help_text="The due time that people were warned of.")
    missed_due_at = models.DateTimeField(null=True, help_text="The due time that is known to be missed.")
    snoozed_at = models.DateTimeField(null=True)
    snoozed_until = models.DateTimeField(null=True, help_text="Nobody is given it, and no clock runs, until then.")
    snoozed_due_seconds = models.IntegerField(null=True, help_text="What its clock had left when it was snoozed.")
    escalated_at = models.DateTimeField(null=True)
    escalated_by = models.CharField(max_length=10, blank=True)
    escalated_by_id = models.UUIDField(null=True)
    escalation_reason = models.CharField(max_length=40, blank=True)
    last_message_at = models.DateTimeField(default=now)
    last_inbound_at = models.DateTimeField(null=True)
    staff_seen_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    emptied_at = models.DateTimeField(null=True, editable=False, help_text="When its texts went by their age.")
    intent = models.CharField(max_length=16, choices=Intent, blank=True)
    language = models.CharField(max_length=5, blank=True, help_text="Of the customer's messages; empty if none tells.")
    urgency = models.PositiveSmallIntegerField(default=0, help_text="From 0 to 100.")
    lead = models.PositiveSmallIntegerField(default=0, help_text="How close the customer is to buying, from 0 to 100.")
    confidence = models.PositiveSmallIntegerField(
        null=True, help_text="Of the agent's last answer, from 0 to 100; empty if it wasn't measured."
    )
    reading = models.JSONField(default=dict, help_text="The rules' version, entities, and the points of each factor.")
    read_seq = models.BigIntegerField(default=0, help_text="The number of the newest message that was read.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "channel_account", "contact", "origin", "thread"],
                name="one_open_conversation",
                condition=~Q(state="closed"),
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False, resolved__isnull=False)
                | (~Q(state="closed") & Q(closed_at__isnull=True, resolved__isnull=True)),
                name="closed_says_whether_resolved",
            ),
            models.CheckConstraint(
                condition=Q(assigned_to__isnull=True) | ~Q(state="agent"),
                name="agent_conversation_has_no_assignee",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                F("tenant_id"),
                F("last_message_at").desc(),
                F("id").desc(),
                name="conversations_by_activity",
            ),
            models.Index(
                F("tenant_id"),
                F("state"),
                F("last_message_at").desc(),
                F("id").desc(),
                name="conversations_by_state",
            ),
            models.Index(fields=["tenant_id", "created_at"], name="conversations_by_day"),
            models.Index(
                fields=["tenant_id", "contact", "channel_account", "closed_at"],
                name="conversations_by_contact",
            ),
            models.Index(
                F("tenant_id"),
                F("team"),
                F("priority").desc(),
                F("escalated_at"),
                name="conversations_waiting_in_team",
                condition=Q(state="person", assigned_to__isnull=True),
            ),
            models.Index(
                fields=["tenant_id", "team", "assigned_to"],
                name="conversations_open_of_person",
                condition=Q(state="person", assigned_to__isnull=False),
            ),
            models.Index(fields=["tenant_id", "team"], name="conversations_of_team", condition=Q(team__isnull=False)),
            models.Index(
                fields=["tenant_id", "team", "-first_person_answered_at"],
                name="conversations_waits_of_team",
                condition=Q(first_person_answered_at__isnull=False, person_asked_at__isnull=False),
            ),
            models.Index(
                fields=["snoozed_until"],
                name="conversations_snoozed",
                condition=Q(snoozed_until__isnull=False),
            ),
            models.Index(
                fields=["next_due_at"],
                name="conversations_due",
                condition=Q(state="person", next_due_at__isnull=False),
            ),
            models.Index(
                fields=["tenant_id", "closed_at"],
                name="conversations_to_empty",
                condition=Q(closed_at__isnull=False, emptied_at__isnull=True),
            ),
        ]

    @property
    def stream(self) -> str:
        """Return the name of the stream that the customer may read."""
        return f"conversation:{self.id}"

    @property
    def staff_stream(self) -> str:
        """Return the name of the stream that only staff may read."""
        return f"conversation-staff:{self.id}"

    @property
    def spoken_language(self) -> str:
        """Return the language of our own sentences to its customer; no query where its messages tell it."""
        return spoken(self.language) if self.language in SPOKEN else spoken(self.contact.language)

    @property
    def record_id(self) -> UUID:
        """Return the contact whose addresses and rights it has: a merged one keeps its own."""
        return self.origin_id or self.contact_id

    @property
    def record(self) -> Contact:
        """Return that contact; no query for one that came with no merge, if `contact` is read."""
        return self.origin or self.contact

    @property
    def needs_person(self) -> bool:
        """Return True if it is unassigned and waits for a person, now."""
        return self.state == self.State.PERSON and self.assigned_to_id is None and self.snoozed_until is None

    @property
    def is_urgent(self) -> bool:
        """Return True if somebody should look at it before others."""
        return self.urgency >= URGENT

    @property
    def lead_level(self) -> str:
        """Return "hot", "warm" or "cold"."""
        return "hot" if self.lead >= HOT else "warm" if self.lead >= WARM else "cold"

    @property
    def is_unread(self) -> bool:
        """Return True if the customer wrote after staff last viewed it."""
        if self.last_inbound_at is None:
            return False
        return self.staff_seen_at is None or self.staff_seen_at < self.last_inbound_at


def conversations_of(found: QuerySet[ContactPoint]) -> QuerySet[Conversation]:
    """Return the conversations of points: those that came with a merged contact are of its own points only."""
    record = Coalesce("origin_id", "contact_id")
    same = found.annotate(record=record).filter(record=Coalesce(OuterRef("origin_id"), OuterRef("contact_id")))
    # The contact as well: an index finds it.
    return Conversation.objects.filter(contact_id__in=found.values("contact_id")).filter(Exists(same))


class Tag(Dated, TenantModel):
    """A word that conversations are sorted by; a contact's tag of the same name has its colour."""

    class Colour(models.TextChoices):
        NEUTRAL = "neutral", "Grey"
        ACCENT = "accent", "Teal"
        INFO = "info", "Blue"
        GOOD = "good", "Green"
        WARN = "warn", "Amber"
        SERIOUS = "serious", "Orange"
        DANGER = "danger", "Red"

    name = models.CharField(max_length=60)
    colour = models.CharField(max_length=10, choices=Colour.choices, default=Colour.NEUTRAL)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("tenant_id", Lower("name"), name="one_tag_per_name")]

    def __str__(self) -> str:
        return self.name


class ConversationTag(TenantModel):
    """A tag on a conversation."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="taggings")
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="taggings")
    added_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "conversation", "tag"], name="one_tagging_per_conversation"),
        ]


class BulkChange(Leased, TenantModel):
    """A change of many conversations, made by a worker, and what became of those that it came to."""

    maker = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    key = models.UUIDField(help_text="Of the maker's form: sent again, it is the same change.")
    change = models.CharField(max_length=10)
    values = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    conversation_ids = ArrayField(models.UUIDField(), default=list)
    results = models.JSONField(default=list, help_text="Of the first ones a code and a sentence; empty for one done.")
    created_at = models.DateTimeField(default=now, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "maker", "key"], name="one_bulk_change_per_key"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["lease_until"], name="bulk_changes_at_work", condition=Q(finished_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"change of {len(self.conversation_ids)}"

"""A conversation of one contact over one channel account."""

from typing import ClassVar, Final

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from conversations.models.channels import ChannelAccount
from conversations.models.contacts import Contact
from core.clock import now
from core.tenancy.models import TenantModel

LIVE: Final = ("agent", "person")
"""The states that are not closed, listed because an index can find these but not "not closed"."""


class Conversation(TenantModel):
    """The exchange with one contact; at most one is open per channel account, by mail one per thread."""

    class State(models.TextChoices):
        """Who answers."""

        AGENT = "agent", "Agent"
        PERSON = "person", "Person"
        CLOSED = "closed", "Closed"

    channel_account = models.ForeignKey(ChannelAccount, on_delete=models.PROTECT)
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="conversations")
    thread = models.CharField(
        max_length=64, blank=True, default="", editable=False, help_text="The mail thread; empty on other channels."
    )
    state = models.CharField(max_length=8, choices=State, default=State.AGENT)
    resolved = models.BooleanField(null=True)
    assigned_to = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    escalated_at = models.DateTimeField(null=True)
    escalated_by = models.CharField(max_length=10, blank=True)
    escalated_by_id = models.UUIDField(null=True)
    escalation_reason = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    last_message_at = models.DateTimeField(default=now)
    last_inbound_at = models.DateTimeField(null=True)
    staff_seen_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "channel_account", "contact", "thread"],
                name="one_open_conversation",
                condition=~Q(state="closed"),
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
        ]

    def __str__(self) -> str:
        return f"conversation {str(self.id)[-6:]}"

    @property
    def stream(self) -> str:
        """Return the name of the stream that the customer may read."""
        return f"conversation:{self.id}"

    @property
    def staff_stream(self) -> str:
        """Return the name of the stream that only staff may read."""
        return f"conversation-staff:{self.id}"

    @property
    def needs_person(self) -> bool:
        """Return True if it is unassigned and waits for a person."""
        return self.state == self.State.PERSON and self.assigned_to_id is None

    @property
    def is_unread(self) -> bool:
        """Return True if the customer wrote after staff last viewed it."""
        if self.last_inbound_at is None:
            return False
        return self.staff_seen_at is None or self.staff_seen_at < self.last_inbound_at

"""Tables of the hub: who a contact is in the back office, and transactions that customers are asked to confirm."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from conversations.models import Contact, Conversation
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import Dated, TenantModel
from hub.crm.models import CrmContact, CrmNote, CrmSwitch
from integrations.models import ProviderAccount

__all__ = ["CrmContact", "CrmNote", "CrmSwitch", "CustomerLink", "TransactionDraft"]


class CustomerLink(Dated, TenantModel):
    """The back office's own id of a contact, as a colleague or another system of the company wrote it down."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+")
    customer = EncryptedTextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "contact"], name="one_customer_per_contact"),
        ]


class TransactionDraft(Dated, TenantModel):
    """A transaction that a back office has prepared and the customer is asked to confirm: exact bytes, once.

    Token and code are kept as digests. What it says never changes: other values are another draft.
    """

    class State(models.TextChoices):
        OPEN = "open", "Waits for the customer"
        CONFIRMED = "confirmed", "Confirmed by the customer"
        DECLINED = "declined", "Not confirmed"
        ENDED = "ended", "Ended"
        BOOKED = "booked", "Booked"

    class Way(models.TextChoices):
        BUTTON = "button", "By the button"
        CODE = "code", "By the code"
        WORD = "word", "By answering yes"

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    connection = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    vendor_id = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the bytes that the back office prepared.")
    amount = models.DecimalField(max_digits=15, decimal_places=3)
    currency = models.CharField(max_length=3)
    customer = EncryptedTextField()
    description = EncryptedTextField()
    recipient = EncryptedTextField()
    masked_recipient = models.CharField(max_length=80, blank=True)
    destination = EncryptedTextField()
    expires_at = models.DateTimeField()
    card_seq = models.BigIntegerField(help_text="The number of the message that asked the customer.")
    token_digest = models.CharField(max_length=64, blank=True)
    code_digest = models.CharField(max_length=64, blank=True)
    wrong_codes = models.PositiveSmallIntegerField(default=0)
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.CharField(max_length=6, choices=Way, blank=True)
    agent_id = models.UUIDField()
    run_id = models.UUIDField(null=True)
    tool_call_id = models.UUIDField(null=True)
    agent_owner_id = models.UUIDField(null=True)
    excluded = models.JSONField(default=list, help_text="Ids of people who may not approve it.")
    requested_at = models.DateTimeField(null=True, help_text="When a worker last began to request its approval.")
    approval_id = models.UUIDField(null=True)
    sent_at = models.DateTimeField(null=True, help_text="When it was first sent to be booked.")
    transaction_id = models.CharField(max_length=64, blank=True)
    asked_again_for = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        permissions: ClassVar = []
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "connection", "vendor_id"], name="one_draft_per_vendor_id"),
            models.UniqueConstraint(fields=["tenant_id", "tool_call_id"], name="one_draft_per_tool_call"),
            models.UniqueConstraint(fields=["tenant_id", "asked_again_for"], name="asked_again_once"),
            models.CheckConstraint(
                condition=Q(confirmed_at=None, confirmed_by="") | (Q(confirmed_at__isnull=False) & ~Q(confirmed_by="")),
                name="confirmed_in_a_way",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("confirmed", "booked")) | Q(confirmed_at__isnull=False),
                name="booked_only_if_confirmed",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "conversation", "-id"], name="drafts_by_conversation"),
            models.Index(
                fields=["confirmed_at"], name="drafts_to_request", condition=Q(state="confirmed", approval_id=None)
            ),
        ]

    def has_ended(self, moment: datetime) -> bool:
        """Return True if the back office no longer books it."""
        return self.expires_at <= moment

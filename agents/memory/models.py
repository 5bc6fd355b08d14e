"""Facts that contacts stated about themselves."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from agents.memory.kinds import CHOICES, SEVERAL, shown_value
from conversations.models import Contact, Message
from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import TenantModel


class ContactFact(TenantModel):
    """One thing that a contact said about themselves, or that a colleague corrected.

    The newest one of a kind is current; what it replaced stays as history. A removed one keeps its place, empty, so
    that the message it came from doesn't bring it back.
    """

    class Kind(models.TextChoices):
        """What it is about."""

        PREFERRED_NAME = "preferred_name", "Preferred name"
        LANGUAGE = "language", "Language"
        PREFERRED_CHANNEL = "preferred_channel", "Preferred channel"
        CUSTOMER_NUMBER = "customer_number", "Customer number"
        ORDER_NUMBER = "order_number", "Order number"
        COMPANY = "company", "Company"
        PRODUCT_INTEREST = "product_interest", "Interested in"
        DELIVERY_PREFERENCE = "delivery_preference", "Delivery"
        BUDGET_RANGE = "budget_range", "Budget"

    class Origin(models.TextChoices):
        """Who stated it."""

        SAID = "said", "Said by the contact"
        STAFF = "staff", "Corrected by a colleague"

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="facts")
    kind = models.CharField(max_length=19, choices=Kind)
    place = models.PositiveSmallIntegerField(default=0, help_text="Of kinds with several current ones: which of them.")
    value = EncryptedTextField()
    masked_value = models.CharField(max_length=80, blank=True)
    origin = models.CharField(max_length=5, choices=Origin, default=Origin.SAID)
    message = models.ForeignKey(Message, null=True, on_delete=models.SET_NULL, related_name="+")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    is_proven = models.BooleanField(default=False, help_text="The sender was proven, or a colleague wrote it.")
    said_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now, editable=False)
    superseded_at = models.DateTimeField(null=True)
    superseded_by = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "contact", "kind", "place"],
                name="one_current_fact_per_kind",
                condition=Q(superseded_at=None),
            ),
            models.CheckConstraint(
                condition=Q(place=0) | Q(kind__in=["product_interest", "order_number"], place__lt=SEVERAL),
                name="only_some_kinds_have_several_facts",
            ),
            models.CheckConstraint(
                condition=Q(removed_at=None) | Q(superseded_at__isnull=False, masked_value=""),
                name="removed_fact_is_not_current",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant_id", "contact", "-id"], name="facts_by_contact")]

    def __str__(self) -> str:
        return f"fact {str(self.id)[-6:]}"

    @property
    def is_current(self) -> bool:
        """Return True if nothing replaced it and nobody removed it."""
        return self.superseded_at is None

    @property
    def masked_code(self) -> str:
        """Return the masked value as it is stored: a code where the kind has codes, which say nothing of a person."""
        codes = {words: code for code, words in CHOICES.get(self.kind, {}).items()}
        return codes.get(self.masked_value, self.masked_value)

    def shown(self, *, clear: bool) -> str:
        """Return the value as people read it, in clear or masked."""
        return shown_value(self.kind, self.value) if clear else self.masked_value

"""Tables of custom fields and their values."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower

from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import Dated, TenantModel


class CustomField(Dated, TenantModel):
    """A field that an organisation adds to its contacts or conversations."""

    class Subject(models.TextChoices):
        """What has the field."""

        CONTACT = "contact", "Contacts"
        CONVERSATION = "conversation", "Conversations"

    class Kind(models.TextChoices):
        """What its values are."""

        TEXT = "text", "Text"
        NUMBER = "number", "Number"
        DATE = "date", "Date"
        LIST = "list", "List"
        CHECKBOX = "checkbox", "Checkbox"
        LINK = "link", "Link"

    subject = models.CharField(max_length=12, choices=Subject)
    key = models.CharField(max_length=30, help_text="Its name for programs, such as order_number; it stays.")
    name = models.CharField(max_length=60, help_text="Its name for people. No personal data: everybody sees it.")
    kind = models.CharField(max_length=8, choices=Kind)
    options = ArrayField(models.CharField(max_length=80), default=list, help_text="The values of a list.")
    pattern = models.CharField(max_length=200, blank=True, help_text="The form of a text, such as `[A-Z]{2}-\\d{4,6}`.")
    hint = models.CharField(max_length=200, blank=True, help_text="Shown beside it, and for a value of another form.")
    required_on_close = models.BooleanField(default=False, help_text="People can't close a conversation without it.")
    is_personal = models.BooleanField(default=False, help_text="Masked for everybody without a reveal.")
    agents_read = models.BooleanField(
        default=False, help_text="Agents are given its value, and may tell the customer what they read."
    )
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "key"], name="one_custom_field_per_key"),
            models.UniqueConstraint("tenant_id", "subject", Lower("name"), name="one_custom_field_per_name"),
        ]

    def __str__(self) -> str:
        return self.name


class CustomValue(TenantModel):
    """What is known of one contact or one conversation; a row each, so that writers of two fields keep both."""

    field = models.ForeignKey(CustomField, on_delete=models.CASCADE, related_name="values")
    contact = models.ForeignKey("Contact", null=True, on_delete=models.CASCADE, related_name="custom_values")
    conversation = models.ForeignKey("Conversation", null=True, on_delete=models.CASCADE, related_name="custom_values")
    value = EncryptedTextField()
    text = models.CharField(max_length=500, help_text="What everybody sees: the value, or a mask of a personal one.")
    value_index = models.CharField(max_length=64, blank=True, editable=False)
    changed_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "contact", "field"], name="one_custom_value_per_contact"),
            models.UniqueConstraint(
                fields=["tenant_id", "conversation", "field"], name="one_custom_value_per_conversation"
            ),
            models.CheckConstraint(
                condition=models.Q(contact__isnull=False, conversation__isnull=True)
                | models.Q(contact__isnull=True, conversation__isnull=False),
                name="custom_value_of_one_row",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "field", "value_index"], name="custom_values_by_value"),
        ]

    def shown(self, *, in_clear: bool) -> str:
        """Return what a viewer sees: a mask of a personal value, unless it is shown in clear."""
        return str(self.value) if in_clear and self.field.is_personal else self.text

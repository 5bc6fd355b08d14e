"""For how long an organisation keeps what, and what a legal hold keeps from going."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from core.clock import now
from core.tenancy.models import TenantModel


class RetentionChoice(TenantModel):
    """For how many days an organisation keeps one kind of data; `days_before` count until `starts_at`."""

    kind = models.CharField(max_length=30, help_text="The key of a retention rule.")
    days = models.PositiveSmallIntegerField(null=True, help_text="Empty: as long as the installation does.")
    days_before = models.PositiveSmallIntegerField(null=True)
    starts_at = models.DateTimeField()
    changed_at = models.DateTimeField(default=now)
    changed_by = models.UUIDField(null=True)

    class Meta:
        permissions: ClassVar = [("manage_retention", "Can choose for how long data is kept, and place legal holds")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "kind"], name="one_retention_choice_per_kind"),
            models.CheckConstraint(
                condition=(Q(days__isnull=True) | Q(days__gte=1))
                & (Q(days_before__isnull=True) | Q(days_before__gte=1)),
                name="kept_for_a_day_at_least",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.days or 'no'} days"


class LegalHold(TenantModel):
    """Why nothing of a contact, a conversation or the organisation may be deleted for now."""

    class Subject(models.TextChoices):
        """What is held."""

        ORGANISATION = "organisation", "Everything"
        CONTACT = "contact", "One contact"
        CONVERSATION = "conversation", "One conversation"

    subject_type = models.CharField(max_length=12, choices=Subject)
    subject_id = models.UUIDField(null=True, help_text="The contact or the conversation; empty for everything.")
    reference = models.CharField(max_length=60, help_text="Of the case, without names.")
    placed_at = models.DateTimeField("placed", default=now)
    placed_by = models.UUIDField()
    lifted_at = models.DateTimeField("lifted", null=True)
    lifted_by = models.UUIDField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "subject_type", "subject_id", "reference"],
                name="one_open_hold_per_case",
                condition=Q(lifted_at__isnull=True),
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(subject_type="organisation", subject_id__isnull=True)
                | (~Q(subject_type="organisation") & Q(subject_id__isnull=False)),
                name="holds_name_what_they_hold",
            ),
        ]

    def __str__(self) -> str:
        return f"hold {str(self.id)[-6:]}"

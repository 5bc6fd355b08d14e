"""Surveys: how customers say it was, once a conversation is closed."""

from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from conversations.inbox.models import Conversation
from conversations.inbox.teams.models import Team
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import Dated, TenantModel


class Survey(Dated, TenantModel):
    """The one question about a conversation, and the customer's answer."""

    class Way(models.TextChoices):
        WIDGET = "widget", "In the chat"
        TEXT = "text", "By message"
        PAGE = "page", "On the page"

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="surveys")
    team = models.ForeignKey(Team, null=True, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(null=True)
    skipped = models.CharField(max_length=40, blank=True, help_text="Why it wasn't asked, as a code.")
    ends_at = models.DateTimeField(null=True, help_text="Until when it can be answered.")
    rating = models.PositiveSmallIntegerField(null=True, validators=[MinValueValidator(1), MaxValueValidator(5)])
    comment = EncryptedTextField(blank=True)
    masked_comment = models.TextField(blank=True)
    way = models.CharField(max_length=6, choices=Way, blank=True)
    answered_at = models.DateTimeField(null=True, help_text="When it was first answered.")
    changed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "conversation"], name="one_survey_per_conversation"),
            models.CheckConstraint(condition=Q(rating=None) | Q(rating__range=(1, 5)), name="rating_from_1_to_5"),
            models.CheckConstraint(
                condition=Q(rating=None, answered_at=None) | Q(rating__isnull=False, answered_at__isnull=False),
                name="rated_when_answered",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant_id", "-answered_at", "-id"],
                name="surveys_answered",
                condition=Q(answered_at__isnull=False),
            ),
            models.Index(fields=["created_at"], name="surveys_to_ask", condition=Q(asked_at=None, skipped="")),
        ]

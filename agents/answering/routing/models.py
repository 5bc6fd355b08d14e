"""Answer rules: which agent answers a customer, by channel, team, hours and what is written."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from conversations.models import ChannelAccount, Team
from core.clock import now
from core.tenancy.models import TenantModel
from hitl.models import BusinessCalendar


class AnswerRule(TenantModel):
    """Where it counts, a condition, and who answers then: an agent with a fallback, or a person."""

    name = models.CharField(max_length=60)
    position = models.PositiveIntegerField(default=0, help_text="Rules are tried in this order.")
    channel_account = models.ForeignKey(
        ChannelAccount, null=True, on_delete=models.PROTECT, related_name="+", help_text="Empty counts for all."
    )
    team = models.ForeignKey(
        Team, null=True, on_delete=models.PROTECT, related_name="+", help_text="Empty counts for all, and for none."
    )
    calendar = models.ForeignKey(
        BusinessCalendar, null=True, on_delete=models.PROTECT, related_name="+", help_text="Empty counts at any time."
    )
    within_hours = models.BooleanField(default=True, help_text="Within the calendar's hours; false for outside them.")
    condition = models.CharField(max_length=500, help_text='Such as `language == "de"`; empty meets everything.')
    agent = models.ForeignKey(
        "agents.Agent", null=True, on_delete=models.PROTECT, related_name="+", help_text="Empty: no agent, a person."
    )
    fallback = models.ForeignKey(
        "agents.Agent",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Answers while the agent can't.",
    )
    is_active = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("tenant_id", Lower("name"), name="one_answer_rule_per_name"),
            models.CheckConstraint(
                condition=Q(fallback=None) | (Q(agent__isnull=False) & ~Q(fallback=F("agent"))),
                name="fallback_is_another_agent",
            ),
        ]

    def __str__(self) -> str:
        return self.name

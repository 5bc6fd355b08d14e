"""Triage rules: which team a conversation that needs a person goes to."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower

from conversations.inbox.models import Tag
from conversations.inbox.teams.models import Priority, Team
from core.tenancy.models import Dated, TenantModel


class TriageRule(Dated, TenantModel):
    """A condition, and what a conversation gets that meets it: a team, a priority, a tag, a canned reply."""

    name = models.CharField(max_length=60)
    position = models.PositiveIntegerField(default=0, help_text="Rules are tried in this order.")
    condition = models.CharField(max_length=500, help_text='Such as `"refund" in words`; empty meets everything.')
    team = models.ForeignKey(Team, null=True, on_delete=models.PROTECT, related_name="+")
    priority = models.PositiveSmallIntegerField(choices=Priority, null=True)
    tag = models.ForeignKey(Tag, null=True, on_delete=models.SET_NULL, related_name="+")
    reply = models.ForeignKey(
        "conversations.CannedReply",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Sent to the customer, once.",
    )
    goes_on = models.BooleanField(default=False, help_text="The rules after it are tried too, for what it leaves open.")
    is_active = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("tenant_id", Lower("name"), name="one_triage_rule_per_name")]

    def __str__(self) -> str:
        return self.name


class Triage(Dated, TenantModel):
    """What the rules decided when a conversation first waited for a person; the newest one counts."""

    conversation = models.ForeignKey("conversations.Conversation", on_delete=models.CASCADE, related_name="triages")
    rule = models.ForeignKey(TriageRule, null=True, on_delete=models.SET_NULL, related_name="+")
    rule_name = models.CharField(max_length=200, help_text="The names of the rules that it met, as they were then.")
    facts = models.JSONField(default=dict, help_text="What the rules looked at, without the customer's words.")
    reply = models.ForeignKey("conversations.CannedReply", null=True, on_delete=models.SET_NULL, related_name="+")
    reply_key = models.UUIDField(null=True, help_text="The message's id: one per conversation and rule.")
    reply_due_at = models.DateTimeField(null=True, help_text="When the canned reply is sent; empty once that is done.")

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["reply_due_at"], name="triages_to_answer", condition=models.Q(reply_due_at__isnull=False)
            ),
        ]

"""Agents, their versions, and the history of what answered."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from core.clock import now
from core.tenancy.models import TenantModel


class Agent(TenantModel):
    """An AI agent that answers: built in (system) or the tenant's own."""

    CUSTOM: ClassVar = "custom"
    """The type of an agent of no field of work that a template brings."""
    CATEGORY: ClassVar = "content"
    """The category of such agents."""

    name = models.CharField(max_length=80)
    type = models.CharField(max_length=10)
    category = models.CharField(max_length=12)
    is_system = models.BooleanField(default=False)
    configuration = models.JSONField(default=dict, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    is_active = models.BooleanField(default=True)
    active_version = models.ForeignKey(
        "agents.AgentVersion",
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The version that answers; null until the first draft is activated.",
    )
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "type"],
                name="one_system_agent_per_type",
                condition=Q(is_system=True),
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant_id", "type", "is_active"], name="agents_by_type")]

    def __str__(self) -> str:
        return self.name


class AgentVersion(TenantModel):
    """An agent's configuration at one time: name, prompt, tools, model, limit.

    A draft until it is activated; from then on never changed. `revision` counts the changes of the draft.
    """

    class Memory(models.TextChoices):
        """Whose facts it uses: what they said about themselves."""

        OFF = "off", "Nobody"
        VERIFIED = "verified", "Proven customers and colleagues"
        EVERYONE = "everyone", "Everyone"

    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    is_draft = models.BooleanField(default=False)
    revision = models.PositiveIntegerField(default=1)
    name = models.CharField(max_length=80, blank=True)
    prompt = models.TextField(blank=True)
    tools = models.JSONField(default=list)
    tool_teams = models.JSONField(
        default=dict, help_text="For which teams' conversations a tool is, by its key; without an entry for all."
    )
    orchestrator = models.CharField(max_length=20, default="builtin")
    model = models.CharField(max_length=20, default="local")
    model_name = models.CharField(max_length=80, blank=True)
    flow = models.CharField(max_length=36, blank=True, help_text="The id of the Langflow flow that is its head.")
    collections = ArrayField(
        models.UUIDField(), default=list, help_text="Those of its knowledge; empty for all that a caller may see."
    )
    max_open_approvals = models.PositiveSmallIntegerField(null=True)
    min_confidence = models.PositiveSmallIntegerField(
        default=50, help_text="Below it an answer is not sent, from 0 to 100; 0 sends every one."
    )
    memory = models.CharField(max_length=8, choices=Memory, default=Memory.VERIFIED, help_text="Whose facts it uses.")
    asks_judge = models.BooleanField(
        default=False, help_text="Where it is unclear whether passages answer a question, a model is asked."
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    co_authors = ArrayField(models.UUIDField(), default=list, help_text="Who else changed it while it was a draft.")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "agent", "number"], name="one_version_per_number"),
            models.UniqueConstraint(
                fields=["tenant_id", "agent"], name="one_draft_per_agent", condition=Q(is_draft=True)
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class AgentActivation(TenantModel):
    """One entry of an agent's history: from then on this version answered. Written once, never changed."""

    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="activations")
    version = models.ForeignKey(AgentVersion, on_delete=models.PROTECT, related_name="activations")
    previous = models.ForeignKey(AgentVersion, null=True, on_delete=models.PROTECT, related_name="+")
    is_roll_back = models.BooleanField(default=False)
    flow_digest = models.CharField(max_length=64, blank=True, help_text="Of the flow as it was then.")
    override = models.CharField(max_length=500, blank=True, help_text="Why it was activated although a check failed.")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "agent", "-created_at"], name="activations_by_agent"),
        ]

    def __str__(self) -> str:
        return f"activation of {self.version_id}"

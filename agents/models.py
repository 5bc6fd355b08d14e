"""Agents and their versions, the runs they do in conversations, and what they called."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from agents.knowledge.models import (
    Citation,
    Collection,
    Document,
    DocumentVersion,
    OpenQuestion,
    Passage,
    QuestionAsked,
    Site,
    Term,
    UploadedFile,
)
from conversations.models import Conversation, Message
from core.clock import now
from core.reliability.lease import Leased
from core.tenancy.models import TenantModel

__all__ = [
    "Agent",
    "AgentRun",
    "AgentRunMessage",
    "AgentVersion",
    "Citation",
    "Collection",
    "Document",
    "DocumentVersion",
    "OpenQuestion",
    "Passage",
    "QuestionAsked",
    "Site",
    "Term",
    "ToolCall",
    "UploadedFile",
]


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


class AgentRun(Leased, TenantModel):
    """One turn of an agent in a conversation, over one message or a burst of them.

    `generation` counts the messages that joined; an answer made for an older one is dropped.
    A run with trigger `approval` or `uncertain` only reports the outcome of that approval.
    """

    class State(models.TextChoices):
        """How far the run is.

        `waiting` means answered, with a request still waiting for approval.
        """

        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        WAITING = "waiting", "Waiting for approval"
        FINISHED = "finished", "Finished"
        FAILED = "failed", "Failed"

    class Trigger(models.TextChoices):
        """What started the run."""

        MESSAGE = "message", "Message"
        APPROVAL = "approval", "Decision"
        UNCERTAIN = "uncertain", "Uncertain outcome"

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="runs")
    agent_version = models.ForeignKey(AgentVersion, null=True, on_delete=models.PROTECT)
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    trigger = models.CharField(max_length=9, choices=Trigger, default=Trigger.MESSAGE)
    trigger_ref = models.UUIDField()
    generation = models.PositiveIntegerField(default=1)
    answered = models.PositiveIntegerField(default=0, help_text="How many of its messages the last answer covers.")
    first_message_at = models.DateTimeField(default=now)
    joinable_until = models.DateTimeField(null=True)
    delivery_id = models.UUIDField(null=True, help_text="What the channel stored before the run's newest message.")
    rounds = models.PositiveSmallIntegerField(default=0)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=40, blank=True)
    confidence = models.PositiveSmallIntegerField(
        null=True, help_text="How far the answer rests on what was read, from 0 to 100; null if it states nothing."
    )
    confidence_factors = models.JSONField(default=dict, help_text="The rules' version, and each factor's points.")
    asked_back = models.BooleanField(default=False, help_text="It asked for other words instead of answering.")
    mended = ArrayField(models.CharField(max_length=10), default=list, help_text="What was taken out of the answer.")
    redacted = models.JSONField(
        default=dict, help_text="How many personal values of each kind a model got placeholders for."
    )
    reply_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=now, editable=False)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "conversation"],
                name="one_running_run_per_conversation",
                condition=Q(state="running"),
            ),
            models.UniqueConstraint(
                fields=["tenant_id", "conversation"],
                name="one_queued_message_run_per_conversation",
                condition=Q(state="queued", trigger="message"),
            ),
            models.UniqueConstraint(fields=["tenant_id", "trigger", "trigger_ref"], name="one_run_per_trigger"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "conversation", "-created_at"], name="runs_by_conversation"),
            models.Index(fields=["tenant_id", "created_at"], name="runs_by_day"),
            models.Index(
                fields=["lease_until"],
                name="runs_to_sweep",
                condition=Q(state__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"run {str(self.id)[-6:]}"


class AgentRunMessage(TenantModel):
    """A message that a run answers; a message belongs to one run only."""

    run = models.ForeignKey(AgentRun, on_delete=models.CASCADE, related_name="inputs")
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField(help_text="Which of the run's messages it is, from 1.")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "message"], name="one_run_per_message"),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant_id", "run"], name="inputs_by_run")]

    def __str__(self) -> str:
        return f"input {str(self.id)[-6:]}"


class ToolCall(TenantModel):
    """One call of a tool within a run; arguments are kept masked."""

    class State(models.TextChoices):
        """How far the call is."""

        RUNNING = "running", "Running"
        DONE = "done", "Done"
        REFUSED = "refused", "Refused"
        FAILED = "failed", "Failed"

    run = models.ForeignKey(AgentRun, on_delete=models.CASCADE, related_name="tool_calls")
    call_id = models.CharField(max_length=80)
    name = models.CharField(max_length=60)
    fingerprint = models.CharField(max_length=64)
    arguments = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    round = models.PositiveSmallIntegerField(default=1)
    approval_id = models.UUIDField(null=True)
    code = models.CharField(max_length=40, blank=True, help_text="Why it was refused or failed; empty if it was done.")
    attempts = models.PositiveSmallIntegerField(default=0)
    milliseconds = models.PositiveIntegerField(null=True)
    is_cached = models.BooleanField(default=False)
    is_foreign = models.BooleanField(default=False, help_text="The result holds text of third parties.")
    created_at = models.DateTimeField(default=now, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "run", "call_id"], name="one_tool_call_per_id"),
            models.UniqueConstraint(
                fields=["tenant_id", "run", "fingerprint"],
                name="one_tool_call_per_wish",
                condition=~Q(fingerprint=""),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "approval_id"], name="tool_calls_by_approval"),
            models.Index(fields=["tenant_id", "created_at"], name="tool_calls_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {str(self.id)[-6:]}"

"""The runs that agents do in conversations, and what they called."""

from typing import Any, ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from conversations.models import Conversation, Message
from core.clock import now
from core.reliability.lease import Leased
from core.tenancy.models import TenantModel


class AgentRun(Leased, TenantModel):
    """One turn of an agent in a conversation, over one message or a burst of them.

    `generation` counts the messages that joined; an answer made for an older one is dropped.
    A run with trigger `approval` or `uncertain` only reports the outcome of that approval.
    """

    class State(models.TextChoices):
        """How far the run is. `waiting` means answered, with a request still waiting for approval."""

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
    agent_version = models.ForeignKey("agents.AgentVersion", null=True, on_delete=models.PROTECT)
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
    chosen_by = models.JSONField(
        default=dict,
        help_text="What chose the agent: the rule by its name then, and which agent that rule couldn't have.",
    )
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


class ToolCall(TenantModel):
    """One call of a tool within a run; arguments are kept masked."""

    EMPTY: Final[dict[str, Any]] = {"arguments": {}, "result": {}, "fingerprint": ""}
    """What takes its words."""

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
            models.Index(
                fields=["tenant_id", "id"],
                name="tool_calls_to_empty",
                condition=~Q(arguments={}, result={}, fingerprint=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {str(self.id)[-6:]}"

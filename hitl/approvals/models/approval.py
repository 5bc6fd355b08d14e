"""The request for a risky action, with its whole life cycle in one row."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.clock import now
from core.privacy.encrypted_fields import EncryptedJSONField
from core.privacy.json_texts import with_texts
from core.privacy.pii import mask_text
from core.reliability.lease import Leased
from core.tenancy.models import TenantModel
from hitl.approvals.models.fields import StateField
from hitl.domain.state_machine import FINAL, OPEN, UNDECIDED, WAITING, State

IS_OPEN = models.Q(state__in=[state.value for state in OPEN])
IS_WAITING = models.Q(state__in=[state.value for state in WAITING])
IS_FINAL = models.Q(state__in=[state.value for state in FINAL])
IS_UNDECIDED = models.Q(state__in=[state.value for state in UNDECIDED])
USER = settings.AUTH_USER_MODEL
LEVELS = [("low", "Low"), ("medium", "Medium"), ("high", "High"), ("critical", "Critical")]


class Counter(TenantModel):
    """The last number assigned in a tenant, such as that of the references."""

    name = models.CharField(max_length=30)
    value = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "name"], name="one_counter_per_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name} at {self.value}"


class Approval(TenantModel):
    """A request for one risky action, bound to an exact payload and executed at most once."""

    STATES: ClassVar[Any] = [(s.value, s.value.replace("_", " ").capitalize()) for s in State]

    reference = models.CharField(max_length=20)
    state = StateField(max_length=20, choices=STATES)
    version = models.PositiveIntegerField(default=1)
    holds = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    hold_reason = models.CharField(max_length=200, blank=True)

    kind = models.CharField(max_length=60)
    kind_version = models.PositiveIntegerField()
    revision = models.PositiveIntegerField(default=1)
    payload = models.JSONField()
    digest = models.CharField(max_length=64)
    summary = models.CharField(max_length=300)
    preview = models.JSONField(default=dict)
    preview_url = models.CharField(max_length=500, blank=True)
    facts = models.JSONField(default=dict)
    facts_digest = models.CharField(max_length=64)
    drift = models.JSONField(default=list, blank=True)
    subject_key = models.CharField(max_length=200)
    dedupe_key = models.CharField(max_length=200, blank=True)

    risk_score = models.PositiveSmallIntegerField()
    risk_level = models.CharField(max_length=10, choices=LEVELS)
    risk_factors = models.JSONField(default=list)
    risk_version = models.PositiveSmallIntegerField()
    risk_policy = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=16, decimal_places=2, null=True)
    currency = models.CharField(max_length=3, blank=True)
    reach = models.BigIntegerField(null=True)

    requester = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    requester_kind = models.CharField(max_length=10)
    agent_id = models.UUIDField(null=True)
    conversation_id = models.UUIDField(null=True)
    run_id = models.UUIDField(null=True)
    tool_call_id = models.UUIDField(null=True)
    channel = models.CharField(max_length=20, blank=True)
    address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=200, blank=True)
    notes = models.TextField(blank=True)
    excluded = ArrayField(models.UUIDField(), default=list)
    contact_tags = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    field_facts = models.JSONField(null=True, editable=False)
    """The custom fields of its conversation that conditions could look at, as they were when it was opened."""
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    compliance_flags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    custom = models.JSONField(default=dict, blank=True)
    people = EncryptedJSONField(null=True, editable=False)
    """Names that are hidden in its texts: those of the customer whose conversation it is from."""

    workflow = models.ForeignKey(
        "hitl.ApprovalWorkflow", on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    workflow_version = models.PositiveIntegerField(default=0)
    snapshot = models.JSONField()
    level = models.PositiveSmallIntegerField(default=1)
    votes_required = models.PositiveSmallIntegerField(default=1)
    votes_received = models.PositiveSmallIntegerField(default=0)
    assigned_to = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    priority = models.PositiveSmallIntegerField(default=0)
    rounds = models.PositiveSmallIntegerField(default=0)
    escalation_step = models.PositiveSmallIntegerField(default=0)
    paused_clocks = models.JSONField(default=dict, blank=True)
    superseded_by = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    execute_by = models.DateTimeField(null=True)
    execute_after = models.DateTimeField(null=True)
    """While it is in the future, its approver can undo the approval."""
    sla_due_at = models.DateTimeField(null=True)
    sla_breached_at = models.DateTimeField(null=True)
    sla_minutes_over = models.PositiveIntegerField(default=0)
    escalated_at = models.DateTimeField(null=True)
    escalated_to = models.CharField(max_length=80, blank=True)
    escalation_reason = models.CharField(max_length=200, blank=True)
    reminder_count = models.PositiveSmallIntegerField(default=0)
    last_reminder_at = models.DateTimeField(null=True)
    first_viewed_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    decided_name = models.CharField(max_length=80, blank=True)
    decided_role = models.CharField(max_length=20, blank=True)
    decided_as = models.CharField(max_length=20, blank=True)
    moved_at = models.DateTimeField(default=now)
    resolved_at = models.DateTimeField(null=True)
    seal = models.CharField(max_length=160, blank=True, default="", db_default="")

    broken_seal: str = ""
    """Set by the unit of work that locked it, not stored: what was changed outside the application."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "reference"], name="one_reference"),
            models.UniqueConstraint(
                fields=["tenant_id", "dedupe_key"],
                name="one_open_per_dedupe_key",
                condition=IS_OPEN & ~models.Q(dedupe_key=""),
            ),
            models.UniqueConstraint(
                fields=["tenant_id", "tool_call_id"],
                name="one_approval_per_tool_call",
                condition=models.Q(tool_call_id__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "state", "-id"], name="approvals_by_state"),
            models.Index(fields=["tenant_id", "kind", "-id"], name="approvals_by_kind"),
            models.Index(fields=["tenant_id", "risk_level", "-id"], name="approvals_by_risk"),
            models.Index(
                fields=["tenant_id", "risk_level", "-id"],
                name="approvals_waiting",
                condition=IS_WAITING,
            ),
            models.Index(fields=["tenant_id", "sla_due_at"], name="approvals_due", condition=IS_WAITING),
            models.Index(fields=["tenant_id", "agent_id"], name="approvals_open_agent", condition=IS_OPEN),
            models.Index(
                fields=["tenant_id", "conversation_id", "-id"],
                name="approvals_in_conversation",
                condition=models.Q(conversation_id__isnull=False),
            ),
            models.Index(fields=["tenant_id", "requester", "-id"], name="approvals_by_requester"),
            models.Index(fields=["tenant_id", "subject_key"], name="approvals_of_subject", condition=IS_UNDECIDED),
            models.Index(fields=["tenant_id", "created_at"], name="approvals_by_day"),
            models.Index(
                fields=["tenant_id", "-id"], name="approvals_flagged", condition=~models.Q(compliance_flags=[])
            ),
            # Read in both directions, so that lists sorted by them need no sort of a long history.
            models.Index(fields=["tenant_id", "risk_score", "id"], name="approvals_by_score"),
            models.Index(
                models.F("tenant_id"),
                models.F("cost").desc(nulls_last=True),
                models.F("id").desc(),
                name="approvals_by_cost",
            ),
            models.Index(fields=["tenant_id", "sla_due_at", "id"], name="approvals_by_deadline"),
            # Includes the state, so that the chart needs an index-only scan.
            models.Index(fields=["tenant_id", "decided_at"], include=["state"], name="approvals_decided_by_day"),
            models.Index(
                fields=["tenant_id", "moved_at"],
                name="approvals_to_empty",
                condition=IS_FINAL & ~models.Q(payload={"erased": True}),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    def masked(self, value: Any) -> Any:
        """Return a text or document of it as people may read it who may not decide."""
        names = self.people or ()
        return with_texts(value, lambda text: mask_text(text, names))

    @property
    def is_open(self) -> bool:
        """Return True unless it is in a final state."""
        return self.state in OPEN

    @property
    def is_undecided(self) -> bool:
        """Return True if people still have to decide."""
        return self.state in UNDECIDED

    @property
    def current_level(self) -> dict[str, Any]:
        """Return the definition of its current level, from the frozen workflow."""
        levels: list[dict[str, Any]] = self.snapshot["levels"]
        return levels[self.level - 1]

    @property
    def has_next_level(self) -> bool:
        """Return True if a level follows the current one."""
        return self.level < len(self.snapshot["levels"])


class Timer(Leased, TenantModel):
    """A deadline of an approval; a sweep picks it up, and a stale one does nothing."""

    class Kind(models.TextChoices):
        EXPIRE = "expire", "Expire"
        SLA = "sla", "Answer due"
        ESCALATE = "escalate", "Next escalation"
        REMIND = "remind", "Reminder"
        EXECUTE = "execute", "Execute"
        LAPSE = "lapse", "Execute-by"
        LEASE = "lease", "Lease over"
        UNKNOWN = "unknown", "Outcome unknown"

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="timers", db_index=False)
    kind = models.CharField(max_length=20, choices=Kind)
    level = models.PositiveSmallIntegerField(default=0)
    revision = models.PositiveIntegerField()
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "approval", "kind", "level", "revision"], name="one_timer_each"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="timers_due", condition=models.Q(done_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.approval_id}"

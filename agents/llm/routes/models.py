"""Model routes, budgets, what is spent of each, and every call of a model."""

from typing import ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.reliability.lease import Leased
from core.tenancy.models import TenantModel
from core.text.amounts import money_text

PLACES: Final = 8
"""Decimal places of an amount: a single token may cost a few hundred-millionths."""


class Provider(models.TextChoices):
    """The interface that a model is asked by."""

    OPENAI = "openai", "OpenAI-compatible"
    ANTHROPIC = "anthropic", "Anthropic"


class Tier(models.TextChoices):
    """What a route is for: easy questions, or hard ones."""

    LIGHT = "light", "Light"
    STRONG = "strong", "Strong"


class ModelRoute(TenantModel):
    """One model of the organisation's own: where it is, its sealed key, and what it costs per million tokens."""

    name = models.CharField(max_length=60)
    provider = models.CharField(max_length=10, choices=Provider, default=Provider.OPENAI)
    base_url = models.CharField(max_length=300, blank=True)
    key = EncryptedTextField(null=True)
    model = models.CharField(max_length=80)
    price_input = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    price_cached = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    price_output = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    currency = models.CharField(max_length=3, default="EUR")
    is_free = models.BooleanField(default=False)
    context_tokens = models.PositiveIntegerField(default=128_000)
    tier = models.CharField(max_length=6, choices=Tier, default=Tier.LIGHT)
    position = models.PositiveSmallIntegerField(default=1)
    embedding_model = models.CharField(max_length=80, blank=True)
    embedding_dimensions = models.PositiveSmallIntegerField(default=0, help_text="Numbers in each of its vectors.")
    price_embedding = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    judges = models.BooleanField(default=False, help_text="Asked whether passages answer a question.")
    editors = ArrayField(models.UUIDField(), default=list, help_text="Who chose its address, key or model.")
    is_active = models.BooleanField(default=False)
    is_removed = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "name"], name="one_route_per_name", condition=Q(is_removed=False)
            ),
            models.CheckConstraint(
                condition=Q(is_active=False)
                | Q(is_free=True)
                | Q(price_input__isnull=False, price_output__isnull=False),
                name="active_routes_have_a_price",
            ),
            models.CheckConstraint(condition=~Q(is_active=True, is_removed=True), name="removed_routes_are_off"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def offers_embeddings(self) -> bool:
        """Return True if texts can be turned into vectors by this route, at a known price."""
        is_priced = self.is_free or self.price_embedding is not None
        return bool(self.embedding_model and self.embedding_dimensions and is_priced)


class Budget(TenantModel):
    """What models may cost in a day or a month of the organisation's zone: of all agents, or of one."""

    class Scope(models.TextChoices):
        """Whose calls count."""

        TENANT = "tenant", "All agents"
        AGENT = "agent", "One agent"

    class Period(models.TextChoices):
        """After what it starts again."""

        DAY = "day", "A day"
        MONTH = "month", "A month"

    class OnSpent(models.TextChoices):
        """What happens once a call no longer fits."""

        LIGHT = "light_only", "Use light models only, then a person answers"
        LOCAL = "local_only", "Use the built-in model"
        PERSON = "person", "A person answers"

    scope = models.CharField(max_length=6, choices=Scope, default=Scope.TENANT)
    agent = models.ForeignKey("agents.Agent", null=True, on_delete=models.PROTECT, related_name="+")
    period = models.CharField(max_length=5, choices=Period, default=Period.DAY)
    amount = models.DecimalField(max_digits=16, decimal_places=2)
    currency = models.CharField(max_length=3)
    on_spent = models.CharField(max_length=10, choices=OnSpent, default=OnSpent.PERSON)
    is_active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "scope", "agent", "period"],
                name="one_model_budget_each",
                condition=Q(is_active=True),
                nulls_distinct=False,
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="model_budgets_not_negative"),
            models.CheckConstraint(
                condition=Q(scope="tenant", agent=None) | Q(scope="agent", agent__isnull=False),
                name="model_budget_names_its_agent",
            ),
        ]

    def __str__(self) -> str:
        return f"{money_text(self.amount, self.currency)} a {self.period}"


class Spend(TenantModel):
    """What is reserved and settled of a budget in one day or month; together never more than the limit."""

    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="spends")
    label = models.CharField(max_length=10, help_text="The day or month, such as 2026-11-21 or 2026-11.")
    limit = models.DecimalField(max_digits=20, decimal_places=PLACES)
    reserved = models.DecimalField(max_digits=20, decimal_places=PLACES, default=0)
    settled = models.DecimalField(max_digits=20, decimal_places=PLACES, default=0)
    noticed_at = models.DateTimeField(null=True, help_text="When people learned that most of it is spent.")
    spent_at = models.DateTimeField(null=True, help_text="When a call first didn't fit.")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "budget", "label"], name="one_spend_per_period"),
            models.CheckConstraint(condition=Q(reserved__gte=0, settled__gte=0), name="spends_not_negative"),
            models.CheckConstraint(
                condition=Q(limit__gte=F("reserved") + F("settled")), name="spends_stay_within_their_limit"
            ),
        ]

    def __str__(self) -> str:
        return f"spend {self.label}"


class ModelCall(Leased, TenantModel):
    """One call of a model: who asked, what it used and cost, how long it took, and how it ended."""

    class Purpose(models.TextChoices):
        """What the model was asked for."""

        ANSWER = "answer", "Answer"
        BRIEF = "brief", "Daily brief"
        TEST = "test", "Test"
        TRIAL = "trial", "Trial"
        EMBEDDING = "embedding", "Embedding"
        JUDGING = "judging", "Check of passages"

    class Outcome(models.TextChoices):
        """How the call ended; only `answered` is a whole answer."""

        RUNNING = "running", "Running"
        ANSWERED = "answered", "Answered"
        LENGTH = "length", "Stopped at its length"
        REFUSAL = "refusal", "Refused to answer"
        CUT = "cut", "Cut off"
        RATE_LIMITED = "rate_limited", "Too many requests"
        OVERLOADED = "overloaded", "Overloaded"
        UNREACHABLE = "unreachable", "Unreachable"
        TIMED_OUT = "timed_out", "Too slow"
        REJECTED = "rejected", "Rejected"
        STOPPED = "stopped", "Stopped by us"
        FAILED = "failed", "Failed"
        LOST = "lost", "Lost with its process"

    run = models.ForeignKey("agents.AgentRun", null=True, on_delete=models.CASCADE, related_name="model_calls")
    trial_id = models.UUIDField(null=True, help_text="The trial or check it was made for, which has no run.")
    agent = models.ForeignKey("agents.Agent", null=True, on_delete=models.PROTECT, related_name="+")
    route = models.ForeignKey(ModelRoute, null=True, on_delete=models.PROTECT, related_name="calls")
    route_name = models.CharField(max_length=60)
    model = models.CharField(max_length=80, blank=True)
    tier = models.CharField(max_length=6, choices=Tier, default=Tier.LIGHT)
    channel = models.CharField(max_length=20, blank=True)
    purpose = models.CharField(max_length=9, choices=Purpose, default=Purpose.ANSWER)
    complexity = models.PositiveSmallIntegerField(null=True)
    factors = models.JSONField(default=dict)
    input_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    price = models.DecimalField(max_digits=20, decimal_places=PLACES, null=True)
    currency = models.CharField(max_length=3, blank=True)
    is_estimated = models.BooleanField(default=False, help_text="The provider reported no usage that can be true.")
    is_weak = models.BooleanField(default=False, help_text="Its answer did not pass the checks.")
    reserved = models.DecimalField(max_digits=20, decimal_places=PLACES, default=0)
    reserved_on = ArrayField(models.UUIDField(), default=list)
    outcome = models.CharField(max_length=12, choices=Outcome, default=Outcome.RUNNING)
    milliseconds = models.PositiveIntegerField(null=True)
    first_token_ms = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "created_at"], name="model_calls_by_day"),
            models.Index(fields=["tenant_id", "run"], name="model_calls_by_run"),
            models.Index(
                fields=["tenant_id", "trial_id"], name="model_calls_by_trial", condition=Q(trial_id__isnull=False)
            ),
            models.Index(fields=["lease_until"], name="model_calls_to_sweep", condition=Q(outcome="running")),
        ]

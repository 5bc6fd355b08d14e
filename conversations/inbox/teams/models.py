"""Teams of people who answer conversations, and who of them is there."""

from typing import ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Count, Q

from core.clock import now
from core.tenancy.models import Dated, TenantModel
from core.working_time import ROUND_THE_CLOCK, Calendar, calendar_from
from hitl.models import BusinessCalendar

MOST_AT_ONCE = 200
"""The most open conversations that one person can be given."""
OPEN_WORK: Final = {"state": "person", "snoozed_until": None}
"""The conversations that are work for somebody."""


class Priority(models.IntegerChoices):
    """How much sooner than others a conversation is due."""

    LOW = 1, "Low"
    NORMAL = 2, "Normal"
    HIGH = 3, "High"
    URGENT = 4, "Urgent"


class Team(Dated, TenantModel):
    """People who share the conversations that agents hand over to them."""

    class Policy(models.TextChoices):
        ROUND_ROBIN = "round_robin", "In turn"
        LEAST_LOAD = "least_load", "By load: the person with the fewest"

    class Asks(models.TextChoices):
        """When customers are asked how it was."""

        NEVER = "never", "Never"
        ALWAYS = "always", "When a conversation is closed"
        RESOLVED = "resolved", "When a conversation is closed as resolved"

    name = models.CharField(max_length=60)
    calendar = models.ForeignKey(
        BusinessCalendar,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Without one, all hours count.",
    )
    policy = models.CharField(max_length=12, choices=Policy, default=Policy.ROUND_ROBIN)
    prefers_last_person = models.BooleanField(
        default=True, help_text="The person who had this customer last comes first, if free."
    )
    fallback = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="+", help_text="Takes what waits here for too long."
    )
    fallback_minutes = models.PositiveSmallIntegerField(default=30)
    away_minutes = models.PositiveSmallIntegerField(
        default=15, help_text="After these minutes, open work of a person who is away is handed to another."
    )
    warning_minutes = models.PositiveSmallIntegerField(
        default=10, help_text="How many minutes before an answer is due its person is warned."
    )
    is_open = models.BooleanField(default=True, help_text="A closed team is given nothing new.")
    is_default = models.BooleanField(default=False, help_text="Takes what no rule sends elsewhere.")
    survey = models.CharField(max_length=8, choices=Asks, default=Asks.NEVER)
    survey_share = models.PositiveSmallIntegerField(
        default=100, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    survey_question = models.CharField(max_length=200, blank=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "name"], name="one_team_per_name"),
            models.UniqueConstraint(fields=["tenant_id"], name="one_default_team", condition=Q(is_default=True)),
        ]

    def __str__(self) -> str:
        return self.name

    def open_loads(self) -> dict[UUID, int]:
        """Return how many open conversations of the team each person has; snoozed ones are no work. One query."""
        rows = self.conversations.filter(**OPEN_WORK, assigned_to__isnull=False)
        return dict(rows.order_by().values_list("assigned_to").annotate(Count("pk")))

    def open_load_of(self, user_id: UUID) -> int:
        """Return how many open conversations of the team one person has, as `open_loads` counts them. One query."""
        return self.conversations.filter(**OPEN_WORK, assigned_to=user_id).count()


def hours_of(team: Team | None) -> Calendar:
    """Return the hours that count for a team: all without a team or a calendar. Raises `BrokenCalendar`."""
    calendar = team.calendar if team else None
    return calendar_from(calendar.definition()) if calendar else ROUND_THE_CLOCK


class TeamTarget(TenantModel):
    """How soon a team answers and resolves conversations of one priority, in minutes of its calendar."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="targets")
    priority = models.PositiveSmallIntegerField(choices=Priority)
    first_answer_minutes = models.PositiveIntegerField(null=True)
    resolution_minutes = models.PositiveIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "team", "priority"], name="one_target_per_priority"),
        ]


class TeamMember(TenantModel):
    """A person in a team, with how many open conversations they can have at once."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    capacity = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1), MaxValueValidator(MOST_AT_ONCE)]
    )
    is_lead = models.BooleanField(default=False)
    last_given_at = models.DateTimeField(null=True, help_text="When this person was last given a conversation.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "team", "user"], name="one_membership_per_team"),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant_id", "user"], name="teams_of_user")]


class Availability(TenantModel):
    """A time during which a person was available, away or offline; the one without an end counts now."""

    class State(models.TextChoices):
        ONLINE = "online", "Available"
        AWAY = "away", "Away"
        OFFLINE = "offline", "Offline"

    class Source(models.TextChoices):
        """What began it."""

        HAND = "hand", "Chosen"
        PAGE = "page", "The console was opened"
        GONE = "gone", "No page of the console is open"
        SEAT = "seat", "No longer a member"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=7, choices=State)
    source = models.CharField(max_length=4, choices=Source)
    reason = models.CharField(max_length=60, blank=True, help_text="Such as “Lunch”.")
    since = models.DateTimeField(default=now)
    until = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True, help_text="When a page of the console was last open.")

    class Meta:
        verbose_name_plural = "availability"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "user"], name="one_availability_now", condition=Q(until__isnull=True)
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "user", "-since"], name="availability_of_user"),
        ]

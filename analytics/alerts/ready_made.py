"""The rules that every organisation begins with: its own copies, to change, switch off or delete."""

from datetime import datetime
from typing import Any, Final

from django.db import transaction

from analytics.models import AlertRule, AlertSettings, Severity, Way

QUIET: Final = [Way.NOTICE.value]
LOUD: Final = [Way.NOTICE.value, Way.MAIL.value]
RULES: Final[tuple[dict[str, Any], ...]] = (
    {
        "key": "answers_missed",
        "name": "Customers wait past their team's target",
        "condition": "answers_missed > 0",
        "hold_seconds": 120,
        "severity": Severity.WARNING,
        "ways": QUIET,
    },
    {
        "key": "inbound_oldest",
        "name": "Messages that arrive aren't processed",
        "condition": "inbound_oldest > 300",
        "hold_seconds": 60,
        "severity": Severity.CRITICAL,
        "ways": LOUD,
    },
    {
        "key": "unknown_outcomes",
        "name": "The outcome of an execution is unknown",
        "condition": "unknown_outcomes > 0",
        "hold_seconds": 60,
        "severity": Severity.CRITICAL,
        "ways": LOUD,
    },
    {
        "key": "bus_lag",
        "name": "Figures and webhooks are late",
        "condition": "bus_lag > 60",
        "hold_seconds": 120,
        "severity": Severity.WARNING,
        "ways": QUIET,
    },
    {
        "key": "breakers_open",
        "name": "Calls to an outside service are paused",
        "condition": "breakers_open > 0",
        "hold_seconds": 120,
        "severity": Severity.WARNING,
        "ways": QUIET,
    },
    {
        "key": "budget_percent",
        "name": "A model budget is spent",
        "condition": "budget_percent >= 100",
        "hold_seconds": 0,
        "severity": Severity.WARNING,
        "ways": QUIET,
    },
    {
        "key": "new_contacts",
        "name": "50 new contacts in 10 minutes",
        "condition": "new_contacts >= 50",
        "hold_seconds": 0,
        "severity": Severity.WARNING,
        "ways": QUIET,
    },
    {
        "key": "failed_jobs",
        "name": "More than 10 failed jobs wait for a person",
        "condition": "failed_jobs > 10",
        "hold_seconds": 300,
        "severity": Severity.WARNING,
        "ways": QUIET,
        "is_on": False,
    },
)


def ensure(*, now: datetime) -> bool:
    """Make the ready-made rules of the tenant in scope, once: one that was deleted stays away."""
    if AlertSettings.objects.filter(has_ready_made=True).exists():
        return False
    with transaction.atomic():
        AlertSettings.objects.bulk_create([AlertSettings(changed_at=now)], ignore_conflicts=True)
        if not AlertSettings.objects.filter(has_ready_made=False).update(has_ready_made=True):
            return False
        rules = [AlertRule(**{"is_on": True, **rule}, state_since=now, created_at=now) for rule in RULES]
        AlertRule.objects.bulk_create(rules, ignore_conflicts=True)
    return True

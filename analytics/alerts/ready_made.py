"""The rules that every organisation begins with: its own copies, to change, switch off or delete."""

from datetime import datetime
from typing import Any, Final

from django.db import transaction

from analytics.models import AlertRule, AlertSettings, Severity, Way


def _rule(name: str, condition: str, hold_seconds: int, severity: Severity = Severity.WARNING) -> dict[str, Any]:
    """Return the columns of a rule about one fact, by which it is known; a critical one is mailed as well."""
    key = condition.split(maxsplit=1)[0]
    ways = [Way.NOTICE.value, *([Way.MAIL.value] if severity == Severity.CRITICAL else [])]
    columns = {"key": key, "name": name, "condition": condition, "hold_seconds": hold_seconds, "severity": severity}
    return {**columns, "ways": ways, "is_on": True}


RULES: Final = (
    _rule("Customers wait past their team's target", "answers_missed > 0", 120),
    _rule("Messages that arrive aren't processed", "inbound_oldest > 300", 60, Severity.CRITICAL),
    _rule("The outcome of an execution is unknown", "unknown_outcomes > 0", 60, Severity.CRITICAL),
    _rule("Figures and webhooks are late", "bus_lag > 60", 120),
    _rule("Calls to an outside service are paused", "breakers_open > 0", 120),
    _rule("A connection to an outside system has expired", "connections_expired > 0", 60),
    _rule("Ad campaigns weren't read for an hour", "sync_lag > 3600", 300),
    _rule("Contacts weren't read back from the CRM for an hour", "crm_read_lag > 3600", 300),
    _rule("Contacts have waited for the CRM for an hour", "crm_write_lag > 3600", 300),
    _rule("The audit log hasn't reached a security system for 15 minutes", "audit_forward_lag > 900", 120),
    _rule("A privacy request is due within a week", "requests_due > 0", 0),
    _rule("A model budget is spent", "budget_percent >= 100", 0),
    _rule("50 new contacts in 10 minutes", "new_contacts >= 50", 0),
    _rule("20 failed sign-ins in 10 minutes", "failed_sign_ins >= 20", 0),
    _rule("One person looked at over 100 contacts in an hour", "contacts_viewed > 100", 0),
    _rule("A device's refresh token was used twice", "tokens_reused > 0", 0),
    _rule("The company's sign-in was changed", "company_sign_in_changes > 0", 0, Severity.CRITICAL),
    {**_rule("More than 10 failed jobs wait for a person", "failed_jobs > 10", 300), "is_on": False},
)
KEYS: Final = [rule["key"] for rule in RULES]


def ensure(*, now: datetime) -> bool:
    """Make the ready-made rules that the tenant in scope was never given: one that was deleted stays away."""
    if AlertSettings.objects.filter(ready_made__contains=KEYS).exists():
        return False
    with transaction.atomic():
        AlertSettings.objects.bulk_create([AlertSettings(changed_at=now)], ignore_conflicts=True)
        kept: AlertSettings = AlertSettings.objects.select_for_update().get()
        missing = [rule for rule in RULES if rule["key"] not in kept.ready_made]
        rules = [AlertRule(**rule, state_since=now, created_at=now) for rule in missing]
        AlertRule.objects.bulk_create(rules, ignore_conflicts=True)
        kept.ready_made = [*kept.ready_made, *(rule["key"] for rule in missing)]
        kept.save(update_fields=["ready_made"])
    return bool(missing)

"""Add up requests and automatic approvals in a rolling window, so that many small ones count."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.db.models.functions import Abs

from core.db.locks import advisory_lock
from hitl.domain import matching
from hitl.domain.auto_rules import DAY_HOURS, AutoRule, Spent, within_windows
from hitl.domain.state_machine import State
from hitl.models import Approval
from hitl.policy.authorship import have_shaped_rules

NOT_WANTED: Final = (State.REJECTED, State.CANCELLED, State.EXPIRED, State.SUPERSEDED)
"""States whose requests no longer count as requested."""


@dataclass(frozen=True)
class Asked:
    """Who requests, when and where; who may not approve it, and whether a rule may decide it."""

    agent_id: UUID | None
    requester_id: UUID | None
    moment: datetime
    channel: str
    tags: Sequence[str] = ()
    excluded: Sequence[UUID] = ()
    may_decide: bool = True
    fields: Mapping[str, str | Decimal] = field(default_factory=dict)
    """The custom fields of the conversation that it comes from, by the names of their facts."""


class Totals(Protocol):
    """What was requested and approved before a request, and who changed the rules."""

    def lock(self, name: str) -> None:
        """Keep others from using the same remainder."""

    def approved_by_rules(self, subject: matching.Subject, asked: Asked, per: str, since: datetime) -> Spent:
        """Return what rules approved of the kind in the currency since a moment, per `kind`, agent or requester."""

    def requested(self, currency: str, asked: Asked, since: datetime) -> Decimal:
        """Return what the person, or else the agent, requested since a moment and may still be executed."""

    def have_shaped_rules(self, people: Collection[UUID]) -> bool:
        """Return True if one of these people ever changed the rules."""


@dataclass(frozen=True)
class StoredTotals:
    """The totals of the stored approvals; with `is_locked` under a lock until the commit."""

    is_locked: bool = True

    def lock(self, name: str) -> None:
        """Take the tenant's lock of this name until the commit."""
        if self.is_locked:
            advisory_lock(name)

    def approved_by_rules(self, subject: matching.Subject, asked: Asked, per: str, since: datetime) -> Spent:
        """Add up the stored automatic approvals. One query."""
        whose = {"agent": Q(agent_id=asked.agent_id), "requester": Q(requester_id=asked.requester_id)}.get(per, Q())
        rows = Approval.objects.filter(
            whose,
            kind=subject.kind,
            currency=subject.currency,
            created_at__gt=since,
            decided_role="rule",
            decided_as="approved",
        )
        found = rows.aggregate(count=Count("pk"), amount=Sum(Abs("cost")))
        return Spent(found["count"], found["amount"] or Decimal(0))

    def requested(self, currency: str, asked: Asked, since: datetime) -> Decimal:
        """Add up the stored requests. One query."""
        who = asked.requester_id or asked.agent_id
        whose = Q(requester_id=who) if asked.requester_id else Q(agent_id=who)
        rows = Approval.objects.filter(whose, currency=currency, created_at__gt=since)
        total = rows.exclude(state__in=NOT_WANTED).aggregate(amount=Sum(Abs("cost")))["amount"]
        return total or Decimal(0)

    def have_shaped_rules(self, people: Collection[UUID]) -> bool:
        """Look into the audit log. One query."""
        return have_shaped_rules(people)


def fits(rule: AutoRule, subject: matching.Subject, asked: Asked, totals: Totals) -> bool:
    """Return True if a rule may approve this too, after all that rules approved before.

    The lock is held until the commit, so that two requests can't use the same remainder. Nothing fits if it is
    unknown whose approvals to add up.
    """
    if subject.cost is None:
        return False
    totals.lock(f"rules|{subject.kind}|{subject.currency}")
    if {"agent": asked.agent_id, "requester": asked.requester_id}.get(rule.per, "every") is None:
        return False
    day = asked.moment - timedelta(hours=DAY_HOURS)
    own = asked.moment - timedelta(hours=rule.window_hours)
    return within_windows(
        rule,
        subject.cost,
        own=totals.approved_by_rules(subject, asked, rule.per, own),
        day=totals.approved_by_rules(subject, asked, rule.per, day),
        kind_day=totals.approved_by_rules(subject, asked, "kind", day),
    )


def with_spent(subject: matching.Subject, asked: Asked, totals: Totals) -> matching.Subject:
    """Return the subject with what its requester requested in a day, this request included."""
    who = asked.requester_id or asked.agent_id
    if subject.cost is None or who is None:
        return subject
    totals.lock(f"asked|{who}|{subject.currency}")
    before = totals.requested(subject.currency, asked, asked.moment - timedelta(hours=DAY_HOURS))
    return replace(subject, spent=abs(subject.cost) + before)

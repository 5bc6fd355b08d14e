"""The totals of a simulation, kept in memory as a request after the other is evaluated."""

from collections import defaultdict, deque
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from hitl.domain import matching
from hitl.domain.auto_rules import DAY_HOURS, Spent
from hitl.models import Cap
from hitl.policy.authorship import have_shaped_rules
from hitl.policy.limits.cap_reservations import period_in, room, unknown_amount
from hitl.policy.limits.rolling_totals import Asked
from hitl.simulation.past import Past

DAY: Final = timedelta(hours=DAY_HOURS)


class Shapers:
    """Who ever changed the rules, until today. One query for each person."""

    def __init__(self) -> None:
        self._known: dict[UUID, bool] = {}

    def any_of(self, people: Collection[UUID]) -> bool:
        """Return True if one of these people did."""
        for person in people:
            if person not in self._known:
                self._known[person] = have_shaped_rules([person])
        return any(self._known[person] for person in people)


class Requested:
    """What everyone requested in a day, as it was: without what had ended unwanted by then."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, UUID, str], deque[tuple[datetime, Decimal, datetime | None]]] = defaultdict(deque)

    def add(self, past: Past) -> None:
        """Count a request from now on."""
        for who in (("requester", past.requester_id), ("agent", past.agent_id)):
            if who[1] is not None and past.estimate.cost is not None:
                rows = self._rows[who[0], who[1], past.estimate.currency]
                rows.append((past.moment, abs(past.estimate.cost), past.dropped_at))
                while rows[0][0] <= past.moment - DAY:
                    rows.popleft()

    def total(self, who: tuple[str, UUID], currency: str, since: datetime, until: datetime) -> Decimal:
        """Return what was requested since a moment and still wanted at another."""
        rows = self._rows.get((*who, currency), ())
        return sum(
            (amount for at, amount, dropped in rows if at > since and (dropped is None or dropped > until)), Decimal(0)
        )


class ReplayedTotals:
    """The totals under one set of rules: what its own rules approved, and what everyone requested."""

    def __init__(self, requested: Requested, shapers: Shapers, window: timedelta) -> None:
        self._requested, self._shapers, self._window = requested, shapers, window
        self._approved: dict[tuple[str, str], deque[tuple[datetime, UUID | None, UUID | None, Decimal]]]
        self._approved = defaultdict(deque)

    def add(self, past: Past) -> None:
        """Count a request as approved by a rule."""
        rows = self._approved[past.kind, past.estimate.currency]
        rows.append((past.moment, past.agent_id, past.requester_id, abs(past.estimate.cost or Decimal(0))))
        while rows[0][0] <= past.moment - self._window:
            rows.popleft()

    def lock(self, name: str) -> None:
        """Do nothing: a simulation writes nothing and holds no one up."""

    def approved_by_rules(self, subject: matching.Subject, asked: Asked, per: str, since: datetime) -> Spent:
        """Add up what the simulated rules approved."""
        count, amount = 0, Decimal(0)
        for at, agent_id, requester_id, cost in reversed(self._approved.get((subject.kind, subject.currency), ())):
            if at <= since:
                break
            if (per == "agent" and agent_id != asked.agent_id) or (
                per == "requester" and requester_id != asked.requester_id
            ):
                continue
            count, amount = count + 1, amount + cost
        return Spent(count, amount)

    def requested(self, currency: str, asked: Asked, since: datetime) -> Decimal:
        """Add up what the person, or else the agent, requested."""
        person = asked.requester_id
        who = ("agent", asked.agent_id) if person is None else ("requester", person)
        return Decimal(0) if who[1] is None else self._requested.total((who[0], who[1]), currency, since, asked.moment)

    def have_shaped_rules(self, people: Collection[UUID]) -> bool:
        """Return True if one of these people changed the rules until today."""
        return self._shapers.any_of(people)


class ReplayedCaps:
    """The use of spending limits under one set of rules."""

    def __init__(self, caps: Sequence[Cap], zone: ZoneInfo) -> None:
        self._caps, self._zone = caps, zone
        self._used: dict[tuple[UUID, str], Decimal] = defaultdict(Decimal)

    def spend(self, past: Past, moment: datetime, *, always: bool = False) -> str:
        """Count an approved request; return why it would be held, or "".

        What is held is not counted. `always`: it was spent, whether or not it fits.
        """
        whose = {"kind": past.kind, "agent": past.agent_id and str(past.agent_id)}
        caps = [cap for cap in self._caps if cap.scope == Cap.Scope.ALL or cap.target == whose.get(cap.scope)]
        if not caps:
            return ""
        problem = unknown_amount(caps, past.estimate.cost, has_failed=not past.is_scored)
        if problem or past.need == 0:
            return problem

        def used(cap: Cap) -> Decimal:
            return self._used[cap.pk, period_in(cap, moment, self._zone)]

        counted, problem = room(caps, past.need, past.estimate.currency, used)
        if always or not problem:
            for cap in counted:
                self._used[cap.pk, period_in(cap, moment, self._zone)] += past.need
        return problem

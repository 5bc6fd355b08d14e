"""Evaluate past requests under two sets of rules, one after the other, and count what differs."""

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from core.errors import NotFound
from hitl.actions import registry
from hitl.domain.auto_rules import DAY_HOURS
from hitl.models import Cap
from hitl.policy.limits.rolling_totals import Asked
from hitl.policy.workflows import select
from hitl.policy.workflows.labels import labels
from hitl.simulation.compare import CATEGORIES, LESS, MORE, Evaluated, categorise
from hitl.simulation.drafts import Rules
from hitl.simulation.ledgers import ReplayedCaps, ReplayedTotals, Requested, Shapers
from hitl.simulation.open_requests import Waiting
from hitl.simulation.past import Past
from hitl.simulation.words import Words

EXAMPLES: Final = 200
"""The most differing requests that a result names, of all categories alike."""
OPEN_HOURS: Final = 72
"""How long a request without a workflow stays open."""


class World:
    """One set of rules with the totals that follow from them."""

    def __init__(self, rules: Rules, requested: Requested, shapers: Shapers) -> None:
        self.rules = rules
        flows = rules.definitions.workflows
        hours = [int(row.get("window_hours") or DAY_HOURS) for flow in flows for row in flow.auto_rules]
        self.window = timedelta(hours=max([DAY_HOURS, *hours]))
        self.longest = timedelta(hours=max([OPEN_HOURS, *(flow.expire_hours for flow in flows)]))
        self.totals = ReplayedTotals(requested, shapers, self.window)
        self.caps = ReplayedCaps(rules.caps, rules.definitions.zone)

    def evaluate(self, past: Past) -> Evaluated:
        """Evaluate a request as if it were made now, with the totals of its time."""
        definitions = self.rules.definitions
        assessed = self._assess(past)
        whose = past.agent_id, past.requester_id
        asked = Asked(*whose, past.moment, past.channel, past.tags, past.excluded, fields=past.fields)
        matched = select.match(definitions, past.kind, assessed, asked, totals=self.totals)
        subject = select.subject_of(past.kind, assessed, asked, definitions.zone)
        if matched.auto is not None and matched.auto.verdict == "approve":
            self.totals.add(past)
        return Evaluated(subject, assessed.risk, matched.snapshot, matched.auto)

    def _assess(self, past: Past) -> select.Assessed:
        if not past.is_scored:
            return select.unassessed("as it was then")
        try:
            kind = registry.get(past.kind)
        except NotFound:
            return select.unassessed("its action no longer exists")
        definitions = self.rules.definitions
        return select.score(definitions, kind, lambda: past.estimate, history=past.history, moment=past.moment)


class Replay:
    """A simulation in progress: give it requests in the order of their making, then ask for the result.

    Its memory does not grow with the number of requests, but with those that were open at the same time.
    """

    def __init__(self, before: Rules, after: Rules, changed: UUID | None = None) -> None:
        shapers, self._requested = Shapers(), Requested()
        self.before = World(before, self._requested, shapers)
        self.after = World(after, self._requested, shapers)
        self._changed = changed
        self._words = Words(before.definitions.rules, after.definitions.rules, labels())
        self._has_caps = bool(before.caps or after.caps)
        self._spends: list[tuple[datetime, int, Past, list[Evaluated] | None, int]] = []
        """Approvals to come that count under spending limits, by their time."""
        self._number = 0
        self._waits: dict[UUID, int] = {}
        self.counts: Counter[str] = Counter(dict.fromkeys(CATEGORIES, 0))
        self._days: dict[str, Counter[str]] = defaultdict(Counter)
        self._examples: dict[str, deque[tuple[Past, Evaluated, Evaluated]]]
        self._examples = defaultdict(lambda: deque(maxlen=EXAMPLES))
        self._waiting = Waiting()
        self._without_facts = 0

    def totals_from(self, start: datetime) -> datetime:
        """Return since when earlier requests count towards the totals at the start of the range."""
        since = start - max(self.before.window, self.after.window)
        local = start.astimezone(self.before.rules.definitions.zone)
        windows = {cap.window for rules in (self.before.rules, self.after.rules) for cap in rules.caps}
        if windows:
            day = local.replace(hour=0, minute=0, second=0, microsecond=0)
            period = day.replace(day=1) if Cap.Window.MONTH in windows else day
            # What was approved in the period may have been requested as long before as a request stays open.
            since = min(since, period - max(self.before.longest, self.after.longest))
        return since

    def add_before(self, page: Iterable[Past]) -> None:
        """Count requests made before the range, as they were decided."""
        for past in page:
            self._requested.add(past)
            if past.is_by_rule:
                for world in (self.before, self.after):
                    world.totals.add(past)
            if self._has_caps and past.spent_at is not None:
                self._spend_at(past.spent_at, past, None, 0)

    def add(self, page: Iterable[Past]) -> None:
        """Evaluate requests of the range."""
        for past in page:
            self._spend_until(past.moment)
            both = [self.before.evaluate(past), self.after.evaluate(past)]
            self._requested.add(past)
            self._waiting.note(past)
            self._without_facts += not past.has_facts
            if both[1].auto is None:
                self._waiting.ask(both[1].snapshot)
            due: list[tuple[datetime, int]] = []
            for place, each in enumerate(both if self._has_caps else ()):
                # A rule approves at once, people as they did.
                at = past.spent_at if each.auto is None else past.moment if each.verdict == "approve" else None
                due += [] if at is None else [(at, place)]
            if not due:
                self._count(past, *both)
                continue
            self._waits[past.pk] = len(due)
            for at, place in due:
                self._spend_at(at, past, both, place)
            self._spend_until(past.moment)

    def finish(self) -> dict[str, Any]:
        """Return the result, as it is stored."""
        self._spend_until(None)
        return {
            "counts": dict(self.counts),
            "days": {day: dict(counts) for day, counts in sorted(self._days.items())},
            "examples": self._named(),
            "waiting": self._waiting.rows(self._changed, self._words.approvers),
            "without_facts": self._without_facts,
        }

    def _spend_at(self, at: datetime, past: Past, both: list[Evaluated] | None, place: int) -> None:
        self._number += 1
        heapq.heappush(self._spends, (at, self._number, past, both, place))

    def _spend_until(self, moment: datetime | None) -> None:
        """Count approvals up to a moment under the spending limits, in the order of their approval."""
        while self._spends and (moment is None or self._spends[0][0] <= moment):
            at, _, past, both, place = heapq.heappop(self._spends)
            if both is None:
                for world in (self.before, self.after):
                    world.caps.spend(past, at, always=True)
                continue
            both[place].held = (self.before, self.after)[place].caps.spend(past, at)
            self._waits[past.pk] -= 1
            if not self._waits[past.pk]:
                del self._waits[past.pk]
                self._count(past, *both)

    def _count(self, past: Past, before: Evaluated, after: Evaluated) -> None:
        category = categorise(before, after)
        self.counts[category] += 1
        if category == "same":
            return
        day = past.moment.astimezone(self.before.rules.definitions.zone).date().isoformat()
        side = "more" if category in MORE else "less" if category in LESS else "other"
        self._days[day][side] += 1
        self._examples[category].append((past, before, after))

    def _named(self) -> list[dict[str, Any]]:
        """Return the newest differing requests, so many of each category that all together are few enough."""
        taken: dict[str, int] = dict.fromkeys(self._examples, 0)
        left = EXAMPLES
        while left and (open_ones := [key for key in taken if taken[key] < len(self._examples[key])]):
            for key in open_ones[:left]:
                taken[key] += 1
            left -= min(left, len(open_ones))
        return [
            {
                "approval": str(past.pk),
                "reference": past.reference,
                "created_at": past.moment.isoformat(),
                "category": category,
                "why": self._words.why(before, after),
            }
            for category in CATEGORIES
            if category in taken
            for past, before, after in list(self._examples[category])[: -taken[category] - 1 : -1]
        ]

"""What answer rules look at: facts as triage has them, as far as a turn knows them without a further query."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from accounts.selectors import tenant_zone
from agents.answering.routing.models import AnswerRule
from agents.answering.tools import registry as tools
from agents.llm import registry
from agents.llm.ports import Line
from conversations.models import Team
from conversations.selectors import condition_problem, words_in
from core.expressions import BadExpression, Node, NotEvaluable, Vocabulary, holds, holds_if_known, names_in, parse
from core.observability.logging import get_logger
from core.reliability import kept
from core.working_time import DAYS, BrokenCalendar, calendar_from, is_open

log = get_logger(__name__)
FACTS: Final = Vocabulary(
    numbers=frozenset({"hour", "urgency", "lead"}),
    texts=frozenset({"channel", "account", "team", "language", "weekday", "verified", "colleague", "intent", "topic"}),
    lists=frozenset({"words"}),
)
MOMENTARY: Final = frozenset({"words", "intent", "topic"})
"""Facts of what was just written: a conversation stays with the agent that a rule over them gave it."""
KNOWN: Final[Mapping[str, Callable[[], Collection[str]]]] = {
    "team": lambda: {"", *Team.objects.values_list("name", flat=True)},
    "colleague": lambda: ("yes", "no"),
    "topic": lambda: ("", *tools.keys()),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Something that was written: where, when, what and by which kind of sender.

    `known` holds the plain facts; `lines` are the exchange so far, the newest last.
    """

    account_id: UUID
    team_id: UUID | None
    at: datetime
    is_colleague: bool
    known: Mapping[str, Any]
    lines: Sequence[Line] = field(repr=False)

    def facts(self, wanted: Collection[str]) -> dict[str, Any]:
        """Return the facts; those that cost something only where they are wanted."""
        found = {**self.known, "colleague": "yes" if self.is_colleague else "no"}
        if not MOMENTARY.isdisjoint(wanted):
            said = next((line.text for line in reversed(self.lines) if line.role == "user"), "")
            found["words"] = words_in(said)
        if "topic" in wanted:
            topic = registry.topic_of(self.lines)
            found["topic"] = topic.tool if topic else ""
        if not {"hour", "weekday"}.isdisjoint(wanted):
            here = self.at.astimezone(kept.keep(tenant_zone, "time zone"))
            found |= {"hour": here.hour, "weekday": DAYS[here.weekday()]}
        return found


@dataclass(frozen=True, slots=True)
class ReadRule:
    """A rule with its condition parsed."""

    rule: AnswerRule
    node: Node | None
    uses: frozenset[str]

    @classmethod
    def of(cls, rule: AnswerRule) -> "ReadRule | None":
        """Return the rule; None, with a line in the log, for one that can't be read: the next ones count then."""
        try:
            node = parse(rule.condition, FACTS) if rule.condition else None
        except BadExpression:
            log.warning("answer_rule_skipped", rule=str(rule.pk))
            return None
        return cls(rule, node, names_in(node) if node else frozenset())

    @property
    def is_momentary(self) -> bool:
        """Return True if it depends on what was just written."""
        return not self.uses.isdisjoint(MOMENTARY)

    def counts_in(self, asked: Asked) -> bool:
        """Return True if the rule is about this channel, team and hour. A calendar that is broken is never open."""
        rule = self.rule
        if rule.channel_account_id not in (None, asked.account_id) or rule.team_id not in (None, asked.team_id):
            return False
        if rule.calendar is None:
            return True
        try:
            is_within = is_open(calendar_from(rule.calendar.definition()), asked.at)
        except BrokenCalendar:
            is_within = False
        return is_within == rule.within_hours

    def is_met(self, asked: Asked, facts: Mapping[str, Any]) -> bool:
        """Return True if the rule counts here and its condition holds."""
        if not self.counts_in(asked):
            return False
        try:
            return self.node is None or holds(self.node, facts)
        except NotEvaluable:
            log.warning("answer_rule_skipped", rule=str(self.rule.pk))
            return False

    def may_be_met(self, asked: Asked, facts: Mapping[str, Any]) -> bool | None:
        """Return whether the rule is met, None where that depends on what is written; `facts` are all others."""
        if not self.counts_in(asked):
            return False
        return True if self.node is None else holds_if_known(self.node, facts)


def first_met(rules: Sequence[ReadRule], asked: Asked) -> ReadRule | None:
    """Return the rule that counts: the first one that is met."""
    facts = asked.facts(frozenset().union(*(rule.uses for rule in rules)))
    return next((rule for rule in rules if rule.is_met(asked, facts)), None)


def lasting_facts(rules: Sequence[ReadRule], asked: Asked) -> dict[str, Any]:
    """Return the facts that rules look at without those of what was just written."""
    found = asked.facts(frozenset().union(*(rule.uses for rule in rules)) - MOMENTARY)
    return {name: value for name, value in found.items() if name not in MOMENTARY}


def problem_of(condition: str) -> str:
    """Return why a condition can't be read or is never met, or ""."""
    try:
        return condition_problem(parse(condition, FACTS), KNOWN) if condition else ""
    except BadExpression as problem:
        return str(problem)

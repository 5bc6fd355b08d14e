"""What answer rules look at: facts as triage has them, as far as a turn knows them without a further query.

Custom fields cost two, and only where a rule looks at them.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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
from conversations.selectors import FieldFacts, condition_problem, fields_in_rules, words_in
from core.expressions import (
    FIELD,
    BadExpression,
    Node,
    NotEvaluable,
    Vocabulary,
    holds,
    holds_if_known,
    names_in,
    parse,
)
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

    `known` holds the plain facts; `lines` are the exchange so far, the newest last. `read_fields` reads custom fields.
    """

    account_id: UUID
    team_id: UUID | None
    at: datetime
    is_colleague: bool
    known: Mapping[str, Any]
    lines: Sequence[Line] = field(repr=False)
    read_fields: Callable[[], Mapping[str, Any]]

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
        if any(name.startswith(FIELD) for name in wanted):
            found |= self.read_fields()
        return found


@dataclass(frozen=True, slots=True)
class ReadRule:
    """A rule with its condition parsed.

    `lacks_field` tells that it looks at a custom field that isn't there, or is of another kind: then it asks a person.
    """

    rule: AnswerRule
    node: Node | None
    uses: frozenset[str]
    fields: FieldFacts
    """The custom fields that there were when it was read."""
    lacks_field: bool = False

    @classmethod
    def of(cls, rule: AnswerRule, fields: FieldFacts) -> "ReadRule | None":
        """Return the rule; None, with a line in the log, for one that can't be read: the next ones count then."""
        try:
            node = parse(rule.condition, fields.added_to(FACTS)) if rule.condition else None
        except BadExpression:
            log.warning("answer_rule_skipped", rule=str(rule.pk))
            return cls(rule, None, frozenset(), fields, lacks_field=True) if names_fields(rule.condition) else None
        return cls(rule, node, names_in(node) if node else frozenset(), fields)

    @property
    def gives(self) -> set[UUID]:
        """Return the agents that answer by it."""
        return {pk for pk in (self.rule.agent_id, self.rule.fallback_id) if pk and not self.lacks_field}

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
            return self.node is None or holds(self.node, facts, self.fields.numbers)
        except NotEvaluable:
            log.warning("answer_rule_skipped", rule=str(self.rule.pk))
            return False

    def may_be_met(self, asked: Asked, facts: Mapping[str, Any]) -> bool | None:
        """Return whether the rule is met, None where that depends on what is written; `facts` are all others."""
        if not self.counts_in(asked):
            return False
        return True if self.node is None else holds_if_known(self.node, facts, self.fields.numbers)


def first_met(rules: Sequence[ReadRule], asked: Asked) -> ReadRule | None:
    """Return the rule that counts: the first one that is met."""
    facts = asked.facts(frozenset().union(*(rule.uses for rule in rules)))
    return next((rule for rule in rules if rule.is_met(asked, facts)), None)


def lasting_facts(rules: Sequence[ReadRule], asked: Asked) -> dict[str, Any]:
    """Return the facts that rules look at without those of what was just written."""
    found = asked.facts(frozenset().union(*(rule.uses for rule in rules)) - MOMENTARY)
    return {name: value for name, value in found.items() if name not in MOMENTARY}


def names_fields(condition: str) -> bool:
    """Return True if a condition seems to look at custom fields, also at some that aren't there."""
    return FIELD in condition


def known_fields(conditions: Iterable[str]) -> FieldFacts:
    """Return the custom fields that conditions can look at. One query, none if no condition looks at any."""
    return fields_in_rules() if any(names_fields(text) for text in conditions) else FieldFacts()


def problem_of(condition: str) -> str:
    """Return why a condition can't be read or is never met, or ""."""
    fields = known_fields([condition])
    try:
        node = parse(condition, fields.added_to(FACTS)) if condition else None
        return condition_problem(node, {**KNOWN, **fields.choices}) if node else ""
    except BadExpression as problem:
        return str(problem)

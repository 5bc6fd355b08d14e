"""Read answer rules: all of them, those in force, and what they come to for a channel, a team or an agent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from accounts.permissions import shares
from agents.answering.routing.choice import MISSING, Cast, Choice, cast_of, without_rule
from agents.answering.routing.facts import ReadRule, known_fields
from agents.answering.routing.models import AnswerRule
from agents.answering.selectors import paused_outside
from agents.selectors import VIEW_AGENT
from core.actors import Actor
from core.db.rows import get_or_missing
from core.reliability import kept
from hitl.models import KillSwitch

MISSING_RULE = "This answer rule doesn't exist."
CUSTOMERS: Final = 'colleague == "no"'
"""The condition of a rule for all customers."""


def query_rules(*, viewer: Actor) -> QuerySet[AnswerRule]:
    """Return the answer rules in their order, with their agents and places. Needs `agents.view_agent`."""
    viewer.require(VIEW_AGENT)
    return _rules()


def get_rule(*, viewer: Actor, answer_rule_id: UUID) -> AnswerRule:
    """Return one answer rule. Needs `agents.view_agent`; raises `NotFound`."""
    return get_or_missing(query_rules(viewer=viewer).filter(pk=answer_rule_id), MISSING_RULE)


def _rules() -> QuerySet[AnswerRule]:
    rows: QuerySet[AnswerRule] = AnswerRule.objects.order_by("position", "id")
    return rows.select_related("channel_account", "team", "calendar", "agent", "fallback").defer(
        "channel_account__credentials"
    )


def active_rules() -> Sequence[ReadRule]:
    """Return the rules in force in their order, as they were seconds ago."""
    return kept.keep(lambda: readable(_rules().filter(is_active=True)), "answer rules")


def readable(rows: Sequence[AnswerRule] | QuerySet[AnswerRule]) -> Sequence[ReadRule]:
    """Return the rules that can be read, with their conditions parsed. One query more where they name custom fields."""
    fields = known_fields(rule.condition for rule in rows)
    return tuple(found for rule in rows if (found := ReadRule.of(rule, fields)))


def cast_now() -> Cast:
    """Return the agents that are switched on, and which of them are paused now. One query, beside what is kept."""
    stops = KillSwitch.objects.filter(scope=KillSwitch.Scope.AGENT, released_at=None)
    return cast_of({*stops.values_list("target", flat=True), *paused_outside()})


@dataclass(frozen=True, slots=True)
class Outlook:
    """Who answers somewhere: rules in their order, and who answers customers if none of them applies."""

    rules: Sequence[AnswerRule]
    cast: Cast
    otherwise: Choice | None
    """None where a rule for all customers leaves nothing open."""
    unread: frozenset[UUID] = frozenset()
    """The rules that look at a custom field that isn't there, or is of another kind: a person answers."""

    @property
    def for_customers(self) -> set[UUID]:
        """Return the agents that customers may get: those that rules in force name, and the one without a rule."""
        read = [rule for rule in self.rules if rule.is_active and rule.pk not in self.unread]
        named = {pk for rule in read for pk in (rule.agent_id, rule.fallback_id) if pk}
        only = self.otherwise.version if self.otherwise else None
        return named | {only.agent_id} if only else named

    @property
    def rivals(self) -> list[str]:
        """Return the names of the agents that could answer while none is chosen."""
        if self.otherwise is None or self.otherwise.code != MISSING:
            return []
        return sorted(version.agent.name for version in self.cast.for_customers())


def outlook(*, viewer: Actor, account_id: UUID | None = None) -> Outlook:
    """Return who answers what comes by a channel; without one all rules, of which those for every channel settle it.

    Needs `agents.view_agent`; without any rules for who sees only some agents.
    """
    shares.require(viewer, shares.AGENT, VIEW_AGENT)
    rules = list(query_rules(viewer=viewer)) if viewer.may(VIEW_AGENT) else []
    if account_id is not None:
        rules = [rule for rule in rules if rule.channel_account_id in (None, account_id)]
    cast = cast_now()
    settling = [rule for rule in rules if rule.channel_account_id in (None, account_id)]
    unread = frozenset(each.rule.pk for each in readable(rules) if each.lacks_field)
    return Outlook(rules, cast, None if leave_nothing_open(settling) else without_rule(cast), unread)


def leave_nothing_open(rules: Sequence[AnswerRule]) -> bool:
    """Return True if every customer's message meets one of these rules: one for all of them, or two for all hours."""
    plain = [rule for rule in rules if rule.is_active and not rule.team_id and rule.condition in ("", CUSTOMERS)]
    hours = {(rule.calendar_id, rule.within_hours) for rule in plain if rule.calendar_id}
    return any(rule.calendar_id is None for rule in plain) or any(
        (calendar, not within) in hours for calendar, within in hours
    )

"""Choose who answers a turn: by the answer rules, and without one by what is left to choose."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from agents.answering import selectors
from agents.answering.routing.facts import Asked, ReadRule, first_met, lasting_facts
from agents.answering.routing.models import AnswerRule
from agents.llm import registry
from agents.models import Agent, AgentRun, AgentVersion
from agents.selectors import active_versions, any_version, tools_of, version_of_type
from core.reliability import kept
from core.reliability.limits import REACHED

RULE, FALLBACK, STAYS, NAMED = "rule", "fallback", "stays", "named"
ONLY, TOPIC, LAST, FIRST = "only", "topic", "last", "first"
PERSON, UNFIT, MISSING, NONE, LIMIT, UNREAD = "person", "unfit", "missing", "none", "limit", "unread"
REASONS: Final[Mapping[str, str]] = {
    PERSON: "rule_asks_person",
    UNFIT: "agent_cant_answer",
    MISSING: "no_agent_chosen",
    NONE: "no_agent",
    LIMIT: REACHED,
    UNREAD: "agent_cant_answer",
}
"""Why a person is asked, by what chose nobody: the codes of the hand-off and of the run."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Who answers, and what chose them; without a version a person is asked.

    `problem` says why `agent`, which was meant, can't answer.
    """

    version: AgentVersion | None
    code: str
    rule: AnswerRule | None = None
    problem: str = ""
    agent: str = ""

    def as_document(self) -> dict[str, str]:
        """Return what is kept with the run: names as they are now, for rules and agents change."""
        rule = {"rule": str(self.rule.pk), "name": self.rule.name} if self.rule else {}
        unfit = {"agent": self.agent, "problem": self.problem} if self.problem else {}
        return {"code": self.code, **rule, **unfit}


@dataclass(frozen=True, slots=True)
class Cast:
    """The agents that are switched on, with what answers, and the ids of those that are paused."""

    versions: Mapping[UUID, AgentVersion]
    paused: Collection[str] = ()

    def problem_of(self, agent: Agent) -> str:
        """Return why an agent can't answer now, or "": off, draft, paused or no_model."""
        version = self.versions.get(agent.pk)
        if version is None:
            return "off" if agent.active_version_id else "draft"
        if str(agent.pk) in self.paused:
            return "paused"
        return "" if kept.keep(lambda: registry.is_usable(version.model), "usable model", version.model) else "no_model"

    def for_customers(self) -> list[AgentVersion]:
        """Return who may answer customers without a rule: the organisation's own agents, else the built-in ones."""
        own = [version for version in self.versions.values() if not version.agent.is_system]
        return own or list(self.versions.values())


def cast_of(paused: Collection[str] = ()) -> Cast:
    """Return the agents that are switched on, as they were seconds ago."""
    return Cast({version.agent_id: version for version in active_versions()}, paused)


def by_rule(met: ReadRule, cast: Cast) -> Choice:
    """Return who answers by a rule: its agent, its fallback while that one can't answer, or a person.

    Each is looked at once, so that no two rules can send a conversation in a circle. A person
    answers also by a rule over a custom field that isn't there, as it's unknown who is meant.
    """
    rule = met.rule
    if met.lacks_field:
        return Choice(None, UNREAD, rule)
    if rule.agent is None:
        return Choice(None, PERSON, rule)
    problem = cast.problem_of(rule.agent)
    if not problem:
        return Choice(cast.versions[rule.agent.pk], RULE, rule)
    if rule.fallback is not None and not cast.problem_of(rule.fallback):
        return Choice(cast.versions[rule.fallback.pk], FALLBACK, rule, problem, rule.agent.name)
    return Choice(None, UNFIT, rule, problem, rule.agent.name)


def without_rule(cast: Cast) -> Choice:
    """Return who answers customers if no rule applies: the only agent; of several none, as nobody chose."""
    fitting = cast.for_customers()
    if len(fitting) != 1:
        return Choice(None, MISSING if fitting else NONE)
    agent = fitting[0].agent
    problem = cast.problem_of(agent)
    return Choice(None, UNFIT, None, problem, agent.name) if problem else Choice(fitting[0], ONLY)


def choose(
    run: AgentRun, asked: Asked, rules: Sequence[ReadRule], cast: Cast, *, named: str, answered_by: Sequence[UUID]
) -> Choice:
    """Return who answers a run.

    `named` is the agent that the message's frame names, `answered_by` who wrote the answers so far, the newest first.
    """
    met = first_met(rules, asked)
    if met is not None and not met.gives:
        return by_rule(met, cast)
    may_name = None if asked.is_colleague or not named else nameable(rules, asked, met, cast)
    if version := _named(named, cast, may_name):
        return Choice(version, NAMED)
    if met is None:
        return _for_colleague(run, asked, cast, answered_by) if asked.is_colleague else without_rule(cast)
    return _stays(met, rules, asked, cast, answered_by) or by_rule(met, cast)


def nameable(rules: Sequence[ReadRule], asked: Asked, met: ReadRule | None, cast: Cast) -> set[UUID]:
    """Return the agents that a customer's message may name, which anybody can write.

    They are those that the rules can give this customer here, and if no rule applies those for customers.
    """
    found: set[UUID] = set() if met else {version.agent_id for version in cast.for_customers()}
    facts = lasting_facts(rules, asked)
    for each in rules:
        may_be = each.may_be_met(asked, facts)
        if may_be is not False:
            found |= each.gives
        if may_be:
            break  # it leaves nothing to those after it
    return found


def _named(name: str, cast: Cast, allowed: Collection[UUID] | None) -> AgentVersion | None:
    """Return the agent of a type, a name or an id: the newest, the organisation's own before built-in ones."""
    wanted = _normalise(name)
    if not wanted:
        return None
    versions = [one for one in cast.versions.values() if allowed is None or one.agent_id in allowed]
    versions = [one for one in versions if not cast.problem_of(one.agent)]
    versions.sort(key=lambda one: (not one.agent.is_system, one.agent.created_at))
    of_type = [one for one in versions if one.agent.type == wanted]
    fitting = of_type or [
        one for one in versions if wanted in {_normalise(one.agent.name), _normalise(str(one.agent_id))}
    ]
    return fitting[-1] if fitting else None


def _stays(
    met: ReadRule, rules: Sequence[ReadRule], asked: Asked, cast: Cast, answered_by: Sequence[UUID]
) -> Choice | None:
    """Return who answered last, if an earlier rule over the words named it: an order number is no new topic."""
    version = cast.versions.get(answered_by[0]) if answered_by else None
    if version is None or met.is_momentary or cast.problem_of(version.agent):
        return None
    facts = lasting_facts(rules, asked)
    for each in rules[: rules.index(met)]:
        if each.is_momentary and version.agent_id in each.gives and each.may_be_met(asked, facts) is not False:
            return Choice(version, STAYS, each.rule)
    return None


def _for_colleague(run: AgentRun, asked: Asked, cast: Cast, answered_by: Sequence[UUID]) -> Choice:
    """Return who answers a colleague without a rule: who knows the topic, who answered last, or any agent.

    No query, unless no agent that is switched on wrote what the transcript of a long conversation shows.
    """
    topic = registry.topic_of(asked.lines)
    if topic:
        # The specialist for the tool if it may use it, else any agent that may.
        expert = version_of_type(topic.agent_type)
        if expert is None or topic.tool not in tools_of(expert):
            expert = next((one for one in cast.versions.values() if topic.tool in tools_of(one)), expert)
        if expert:
            return Choice(expert, TOPIC)
    last = next((agent_id for agent_id in answered_by if agent_id in cast.versions), None)
    if last is None and len(asked.lines) >= selectors.TRANSCRIPT_LINES:  # it may have been before what is shown
        earlier = AgentRun.objects.filter(
            conversation_id=run.conversation_id, agent_version__agent_id__in=list(cast.versions)
        )
        last = earlier.order_by("-created_at").values_list("agent_version__agent_id", flat=True).first()
    if last:
        return Choice(cast.versions[last], LAST)
    only, first = without_rule(cast), any_version()
    return only if only.version or first is None else Choice(first, FIRST)


def _normalise(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")

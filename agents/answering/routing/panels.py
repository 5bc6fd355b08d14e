"""What pages of channels, teams and agents show of who answers there."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html

from agents.answering.routing.choice import UNFIT, without_rule
from agents.answering.routing.models import AnswerRule
from agents.answering.routing.rules import MANAGE
from agents.answering.routing.selectors import Outlook, leave_nothing_open, outlook
from agents.answering.routing.words import PROBLEMS, condition_in_words
from agents.models import Agent
from agents.selectors import VIEW_AGENT
from conversations.models import ChannelAccount, Team
from conversations.registry import Panel, register_panel
from core.actors import Actor

TEMPLATE = "console/parts/answers.html"


def panel_of_channel(viewer: Actor, account: ChannelAccount, clear: frozenset[str]) -> Panel | None:
    """Return who answers what comes by a channel; nothing for one that carries no messages of customers."""
    if not viewer.may(VIEW_AGENT) or account.kind == ChannelAccount.Kind.SLACK:
        return None
    found = outlook(viewer=viewer, account_id=account.pk)
    return Panel(TEMPLATE, _context(viewer, found, found.rules, channel_account_id=account.pk, name=account.name))


def panel_of_team(viewer: Actor, team: Team, clear: frozenset[str]) -> Panel | None:
    """Return the rules about a team's conversations."""
    if not viewer.may(VIEW_AGENT):
        return None
    found = outlook(viewer=viewer)
    rules = [rule for rule in found.rules if rule.team_id == team.pk]
    return Panel(TEMPLATE, {**_context(viewer, found, rules, team_id=team.pk, name=team.name), "otherwise": ""})


def panel_of_agent(viewer: Actor, agent: Agent, found: Outlook) -> dict[str, Any]:
    """Return the rules that name an agent, and what it is if no rule applies."""
    rules = [rule for rule in found.rules if agent.pk in (rule.agent_id, rule.fallback_id)]
    context = _context(viewer, found, rules, agent_id=agent.pk, name=agent.name)
    is_meant = found.otherwise is not None and agent.pk in {one.agent_id for one in found.cast.for_customers()}
    return context if is_meant else {**context, "otherwise": "", "is_missing": False}


def open_accounts() -> list[tuple[UUID, str]]:
    """Return the ids and names of the channels on which customers write. One query."""
    accounts = ChannelAccount.objects.filter(is_active=True).exclude(kind=ChannelAccount.Kind.SLACK)
    return list(accounts.order_by("name", "id").values_list("pk", "name"))


def places_of(found: Outlook, agent: Agent, accounts: Iterable[tuple[UUID, str]]) -> list[str]:
    """Return on which of some channels an agent answers customers: by a rule, or as the only agent."""
    places, only = [], without_rule(found.cast).version
    for account_id, name in accounts:
        rules = [rule for rule in found.rules if rule.is_active and rule.channel_account_id in (None, account_id)]
        is_only = only is not None and only.agent_id == agent.pk and not leave_nothing_open(rules)
        if is_only or any(rule.agent_id == agent.pk for rule in rules):
            places.append(name)
    return places


def lines_of(rules: Iterable[AnswerRule], found: Outlook) -> list[dict[str, Any]]:
    """Return rules in words: where each counts, who answers then, and why they can't."""
    return [
        {
            "rule": rule,
            "where": where_of(rule),
            "who": who_of(rule),
            "when": when_of(rule),
            "problem": problem_of_agent(rule, found),
        }
        for rule in rules
    ]


def where_of(rule: AnswerRule) -> str:
    """Return where and when a rule counts."""
    parts = [rule.channel_account.name if rule.channel_account else "Every channel"]
    if rule.team:
        parts.append(f"team {rule.team.name}")
    if rule.calendar:
        parts.append(f"{'within' if rule.within_hours else 'outside'} {rule.calendar.name}")
    return ", ".join(parts)


def when_of(rule: AnswerRule) -> str:
    """Return the condition of a rule in words, or else as its text; "" for none."""
    words = condition_in_words(rule.condition)
    return words or (format_html('<span class="wk-mono">{}</span>', rule.condition) if rule.condition else "")


def who_of(rule: AnswerRule) -> str:
    """Return who answers by a rule."""
    if rule.agent is None:
        return "A person, no agent"
    return f"{rule.agent.name}, else {rule.fallback.name if rule.fallback else 'a person'}"


def problem_of_agent(rule: AnswerRule, found: Outlook) -> str:
    """Return why the agents of a rule can't answer now, and who does instead; "" if its agent can."""
    if rule.pk in found.unread:
        return "It looks at a custom field that isn't there. A person answers instead."
    problem = found.cast.problem_of(rule.agent) if rule.agent else ""
    if rule.agent is None or not problem:
        return ""
    can_fall_back = rule.fallback is not None and not found.cast.problem_of(rule.fallback)
    instead = rule.fallback.name if rule.fallback and can_fall_back else "A person"
    return f"{rule.agent.name} {PROBLEMS[problem]}. {instead} answers instead."


def otherwise_of(found: Outlook) -> str:
    """Return who answers customers if no rule applies, in words; "" if that can't be."""
    choice = found.otherwise
    if choice is None:
        return ""
    if choice.version:
        return f"{choice.version.agent.name}, the only agent for customers"
    if choice.code == UNFIT:
        return f"A person: {choice.agent} {PROBLEMS[choice.problem]}"
    if found.rivals:
        return f"A person, because no agent is chosen: {', '.join(found.rivals)} could answer"
    return "A person: no agent is switched on"


def _context(viewer: Actor, found: Outlook, rules: Iterable[AnswerRule], *, name: str, **place: UUID) -> dict[str, Any]:
    page = reverse("admin:agents_answerrule_create")
    wanted = "&".join(f"{field}={key}" for field, key in place.items())
    return {
        "lines": lines_of(rules, found),
        "otherwise": otherwise_of(found),
        "is_missing": bool(found.rivals),
        "create_url": f"{page}?{wanted}" if viewer.may(MANAGE) else "",
    }


register_panel("channel", panel_of_channel)
register_panel("team", panel_of_team)

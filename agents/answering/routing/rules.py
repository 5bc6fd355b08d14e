"""Create, change, order, try and delete answer rules: which agent answers where."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from accounts.versioning import lock_version, unique
from agents.answering.routing.choice import by_rule
from agents.answering.routing.facts import Asked, first_met, known_fields, problem_of
from agents.answering.routing.models import AnswerRule
from agents.answering.routing.selectors import MISSING_RULE, cast_now, readable
from agents.llm.ports import Line
from agents.models import Agent, AgentRun
from conversations.models import ChannelAccount, Conversation, Message, Team
from conversations.selectors import VIEW as VIEW_CONVERSATION
from conversations.selectors import seen_by
from core.actors import Actor, system
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import advisory_lock, locked
from core.db.rows import get_or_missing, move_row
from core.errors import Invalid
from hitl.models import BusinessCalendar

MANAGE: Final = "agents.activate_agent"
MOST: Final = 100
LONGEST_TRIAL: Final = 90
TRIED: Final = 1000
SHOWN: Final = 50
_LOCK: Final = "answer rules"


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """What an answer rule says; without an agent a person is asked."""

    name: str
    channel_account_id: UUID | None = None
    team_id: UUID | None = None
    calendar_id: UUID | None = None
    within_hours: bool = True
    condition: str = ""
    agent_id: UUID | None = None
    fallback_id: UUID | None = None
    is_active: bool = False


@dataclass(frozen=True, slots=True)
class AnswerDifference:
    """A conversation that somebody else would have answered; None is a person."""

    conversation: Conversation
    old_agent: str | None
    new_agent: str | None


@dataclass(frozen=True, slots=True)
class AnswerTrial:
    """How a rule would have done: in how many of `looked_at` conversations it decides, and which differ (50 listed)."""

    looked_at: int
    meets: int
    differs: int
    differences: Sequence[AnswerDifference]


def create_answer_rule(*, actor: Actor, settings: AnswerSettings) -> AnswerRule:
    """Create an answer rule after all others. Needs `agents.activate_agent`.

    Raises `Refused`, `Invalid` with the fields, and `Conflict` ("exists"). Writes `ANSWER_RULE_CREATED`.
    """
    actor.require(MANAGE)
    values = _checked(settings)
    with _unique(actor, values["name"]):
        advisory_lock(_LOCK)
        count = AnswerRule.objects.count()
        if count >= MOST:
            raise Invalid(f"There can be at most {MOST} answer rules.")
        row: AnswerRule = AnswerRule.objects.create(**values, position=count)
        _record(actor, "ANSWER_RULE_CREATED", row)
    return row


def revise_answer_rule(
    *, actor: Actor, answer_rule_id: UUID, settings: AnswerSettings, seen_version: int | None = None
) -> AnswerRule:
    """Change an answer rule, or switch it on or off; it counts for the next message.

    Needs `agents.activate_agent`. Raises `Refused`, `NotFound`, `Invalid` with the fields, and `Conflict` ("exists",
    "stale_version"). Writes `ANSWER_RULE_REVISED`.
    """
    actor.require(MANAGE)
    values = _checked(settings)
    with _unique(actor, values["name"]):
        row = lock_version(actor, AnswerRule, answer_rule_id, seen_version, MISSING_RULE)
        AnswerRule.objects.filter(pk=row.pk).update(**values, version=row.version + 1)
        row.refresh_from_db()
        _record(actor, "ANSWER_RULE_REVISED", row)
    return row


def move_answer_rule(*, actor: Actor, answer_rule_id: UUID, up: bool) -> AnswerRule:
    """Move a rule one place up or down; at the end of the list nothing changes.

    Needs `agents.activate_agent`. Raises `Refused`, `NotFound`. Writes `ANSWER_RULE_MOVED`.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        advisory_lock(_LOCK)
        row = locked(AnswerRule, answer_rule_id, MISSING_RULE)
        move_row(row, up=up)
        _record(actor, "ANSWER_RULE_MOVED", row)
    return row


def delete_answer_rule(*, actor: Actor, answer_rule_id: UUID, seen_version: int | None = None) -> None:
    """Delete an answer rule; what it chose stays recorded with its name.

    Needs `agents.activate_agent`. Raises `Refused`, `NotFound`, and `Conflict` ("stale_version"). Writes
    `ANSWER_RULE_DELETED`.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        row = lock_version(actor, AnswerRule, answer_rule_id, seen_version, MISSING_RULE)
        _record(actor, "ANSWER_RULE_DELETED", row)
        row.delete()


def rule_with(fact: str) -> str:
    """Return a rule that looks at a custom field, in words; "" if none does."""
    rule = AnswerRule.objects.filter(condition__regex=rf"\m{fact}\M").order_by("position", "id").first()
    return f"answer rule “{rule}”" if rule else ""


def drop_rules_of(team: Team) -> None:
    """Delete the rules about a team that is being deleted, in its transaction: no conversation can meet them."""
    for row in AnswerRule.objects.filter(team=team):
        _record(system("agents"), "ANSWER_RULE_DELETED", row)
        row.delete()


def try_answer_rule(*, actor: Actor, answer_rule_id: UUID, days: int = 7, now: datetime | None = None) -> AnswerTrial:
    """Say who would have answered in the last days with a rule in its place among the active ones.

    It looks at the newest message of at most 1,000 conversations that an agent was asked in, and compares with who
    answered there last. Nothing is written. Needs `agents.activate_agent` and `conversations.view_conversation`; raises
    `Refused`, `NotFound`, and `Invalid` for more than 90 days.
    """
    actor.require(MANAGE)
    actor.require(VIEW_CONVERSATION)
    if not 1 <= days <= LONGEST_TRIAL:
        problem = f"Choose 1 to {LONGEST_TRIAL} days."
        raise Invalid(problem, fields={"days": [problem]})
    related = AnswerRule.objects.select_related("agent", "fallback", "calendar")
    tried = get_or_missing(related.filter(pk=answer_rule_id), MISSING_RULE)
    others = related.filter(is_active=True).exclude(pk=tried.pk)
    rules = readable(sorted([*others, tried], key=lambda one: (one.position, one.pk)))
    cast, names = cast_now(), dict(Agent.objects.values_list("pk", "name"))
    rows = list(_past(actor, (now or clock_now()) - timedelta(days=days))[:TRIED])
    fields = known_fields(rule.rule.condition for rule in rules)
    values = fields.of({row.pk: row.contact_id for row in rows})
    meets, differences = 0, []
    for row in rows:
        met = first_met(rules, asked_in(row, values[row.pk]))
        if met is None or met.rule != tried:
            continue
        meets += 1
        version = by_rule(met, cast).version
        old, new = row.answered_by, version.agent_id if version else None
        if old != new:
            differences.append(AnswerDifference(row, names.get(old), names.get(new)))
    return AnswerTrial(len(rows), meets, len(differences), differences[:SHOWN])


def _past(viewer: Actor, since: datetime) -> QuerySet[Any]:
    """Return the conversations that an agent was asked in, with their newest message and who answered last."""
    runs = AgentRun.objects.filter(conversation=OuterRef("pk"), trigger=AgentRun.Trigger.MESSAGE)
    newest = Message.objects.filter(conversation=OuterRef("pk"), direction=Message.Direction.IN).order_by("-seq")
    last = runs.order_by("-created_at")
    rows = Conversation.objects.filter(seen_by(viewer), last_inbound_at__gte=since)
    rows = rows.select_related("channel_account", "team").defer("channel_account__credentials")
    found: QuerySet[Any] = (
        rows.annotate(
            ran=Subquery(last.values("pk")[:1]),
            answered_by=Subquery(last.values("agent_version__agent_id")[:1]),
            said=Subquery(newest.values("masked_body")[:1]),
            is_proven=Subquery(newest.values("sender_verified")[:1]),
            writer=Subquery(newest.values("sender_user_id")[:1]),
        )
        .filter(ran__isnull=False)
        .order_by("-last_inbound_at", "-pk")
    )
    return found


def asked_in(row: Any, fields: Mapping[str, Any]) -> Asked:
    """Return what the rules would have looked at in a past conversation."""
    known = {name: getattr(row, name) for name in ("language", "intent", "urgency", "lead")}
    place = {"channel": row.channel_account.kind, "account": row.channel_account.name}
    return Asked(
        account_id=row.channel_account_id,
        team_id=row.team_id,
        at=row.last_inbound_at,
        is_colleague=bool(row.is_proven and row.writer),
        known={
            **known,
            **place,
            "team": row.team.name if row.team else "",
            "verified": "yes" if row.is_proven else "no",
        },
        lines=[Line("user", row.said or "")],
        read_fields=lambda: fields,
    )


def _checked(settings: AnswerSettings) -> dict[str, Any]:
    wrong: dict[str, list[str]] = {}
    name, condition = " ".join(settings.name.split()), settings.condition.strip()
    if not name or len(name) > 60 or not name.isprintable():
        wrong["name"] = ["Enter a name of at most 60 characters."]
    if problem := problem_of(condition):
        wrong["condition"] = [problem]
    for field, model, say in (
        ("channel_account_id", ChannelAccount, "Choose a channel."),
        ("team_id", Team, "Choose a team."),
        ("calendar_id", BusinessCalendar, "Choose a calendar."),
        ("agent_id", Agent, "Choose an agent."),
        ("fallback_id", Agent, "Choose an agent."),
    ):
        key = getattr(settings, field)
        if key is not None and not model.objects.filter(pk=key).exists():
            wrong[field] = [say]
    if settings.fallback_id and settings.agent_id is None:
        wrong["fallback_id"] = ["A person needs no fallback: choose an agent that answers, or no fallback."]
    elif settings.fallback_id and settings.fallback_id == settings.agent_id:
        wrong["fallback_id"] = ["The fallback has to be another agent."]
    if settings.is_active and Agent.objects.filter(pk=settings.agent_id, active_version=None).exists():
        wrong["agent_id"] = ["This agent was never activated. Activate it first, or leave the rule off."]
    if wrong:
        raise Invalid("This answer rule can't be saved.", fields=wrong)
    within = settings.within_hours or settings.calendar_id is None
    return {**asdict(settings), "name": name, "condition": condition, "within_hours": within}


def _unique(actor: Actor, name: str) -> AbstractContextManager[None]:
    return unique(actor, AnswerRule.objects.filter(name__iexact=name), "There is an answer rule with this name.")


def _record(actor: Actor, action: str, row: AnswerRule) -> None:
    places = {
        "channel_account": row.channel_account_id,
        "team": row.team_id,
        "calendar": row.calendar_id,
        "agent": row.agent_id,
        "fallback": row.fallback_id,
    }
    ids = {name: str(key) for name, key in places.items() if key}
    chain.note(
        actor,
        action,
        row,
        active=row.is_active,
        position=row.position,
        has_condition=bool(row.condition),
        within_hours=row.within_hours,
        **ids,
    )

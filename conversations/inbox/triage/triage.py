"""Triage: rules that say where a conversation goes when it first waits for a person."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.selectors import tenant_zone
from accounts.versioning import lock_version, unique
from conversations.custom_fields.facts import FieldFacts, fields_in_rules
from conversations.inbox.teams.seen import seen_conversations
from conversations.inbox.triage import checks
from conversations.models import (
    CannedReply,
    ContactPoint,
    ContactTag,
    Conversation,
    ConversationTag,
    Message,
    Priority,
    Tag,
    Team,
    Triage,
    TriageRule,
    hours_of,
)
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import advisory_lock, locked
from core.db.rows import get_or_missing, move_row
from core.errors import Invalid
from core.expressions import BadExpression, NotEvaluable, Vocabulary, holds, parse
from core.jobs import queues
from core.observability.logging import get_logger
from core.working_time import DAYS, is_open

log = get_logger(__name__)
MANAGE: Final = "conversations.manage_desk"
MISSING: Final = "This triage rule doesn't exist."
MOST: Final = 100
LONGEST_TRIAL: Final = 90
TRIED: Final = 1000
SHOWN: Final = 50
FACTS: Final = Vocabulary(
    numbers=frozenset({"hour", "urgency", "lead", "confidence"}),
    texts=frozenset(
        {"channel", "account", "language", "weekday", "working_hours", "verified", "intent", "reason", "earlier_team"}
    ),
    lists=frozenset({"contact_tags", "words"}),
)
OPTIONAL: Final = frozenset({"confidence"})
"""Facts that may be unknown: no comparison with one of them is met then."""
_LOCK: Final = "triage"


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """What a triage rule says."""

    name: str
    condition: str = ""
    team_id: UUID | None = None
    priority: int | None = None
    tag_id: UUID | None = None
    reply_id: UUID | None = None
    goes_on: bool = False
    is_active: bool = False


@dataclass(slots=True)
class Decision:
    """What the rules give a conversation: by the first that says so, and the tags of all that were met.

    `answers_by` is the rule whose canned reply the customer gets.
    """

    team_id: UUID | None = None
    priority: int | None = None
    tag_ids: list[UUID] = field(default_factory=list)
    met: list[TriageRule] = field(default_factory=list)
    answers_by: TriageRule | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """A conversation that would have gone elsewhere, or been answered: None is no team, "" no canned reply."""

    conversation: Conversation
    old_team: str | None
    new_team: str | None
    old_priority: int
    new_priority: int
    reply: str = ""


@dataclass(frozen=True, slots=True)
class TrialResult:
    """How a rule would have done: of `looked_at` conversations it meets some, and some would differ (50 are listed)."""

    looked_at: int
    meets: int
    differs: int
    differences: Sequence[Difference]


def decide(conversation: Conversation, moment: datetime) -> Decision:
    """Return what the active rules give a conversation. One query without any rule."""
    rules = list(_active())
    if not rules:
        return Decision()
    fields = fields_in_rules()
    return _decide(rules, facts_of([conversation], {conversation.pk: moment}, fields)[conversation.pk], fields)


def note_decision(conversation: Conversation, decision: Decision, moment: datetime) -> None:
    """Store what rules decided, in the caller's transaction; a canned reply is sent after the commit, by a task."""
    if not decision.met:
        return
    ConversationTag.objects.bulk_create(
        [ConversationTag(conversation=conversation, tag_id=pk) for pk in dict.fromkeys(decision.tag_ids)],
        ignore_conflicts=True,
    )
    names = ", ".join(rule.name for rule in decision.met)
    by = decision.answers_by
    kept = Triage.objects.create(
        conversation=conversation,
        rule=decision.met[0],
        rule_name=names[:200],
        facts=dict(decision.facts),
        reply_id=by.reply_id if by else None,
        reply_key=reply_key(conversation.pk, by.pk) if by else None,
        reply_due_at=moment if by else None,
        created_at=moment,
    )
    if by:
        queues.enqueue_after_commit("send_triage_reply", kept.pk)


def reply_key(conversation_id: UUID, rule_id: UUID) -> UUID:
    """Return the id of the message that a rule sends in a conversation: there is one, however often it is met."""
    return uuid5(conversation_id, f"triage {rule_id}")


def facts_of(
    conversations: Sequence[Conversation], moments: Mapping[UUID, datetime], fields: FieldFacts
) -> dict[UUID, dict[str, Any]]:
    """Return the facts of conversations, each at its moment. Seven queries for any number, eight with custom fields."""
    zone, hours = tenant_zone(), hours_of(Team.objects.filter(is_default=True).select_related("calendar").first())
    contacts = {row.contact_id for row in conversations}
    tags: dict[UUID, set[str]] = {}
    for contact_id, name in ContactTag.objects.filter(contact_id__in=contacts).values_list("contact_id", "name"):
        tags.setdefault(contact_id, set()).add(name)
    points = ContactPoint.objects.filter(contact_id__in=contacts, is_verified=True)
    # An address that came with a merged contact proves nothing about the others.
    verified = set(points.values_list(Coalesce("origin_id", "contact_id"), flat=True))
    # The masked text of each one's newest message of its customer: no rule needs an address.
    inbound = Message.objects.filter(conversation=OuterRef("pk"), direction=Message.Direction.IN).order_by("-seq")
    newest = Conversation.objects.filter(pk__in=[row.pk for row in conversations]).values_list("pk")
    said = dict(newest.annotate(said=Subquery(inbound.values("masked_body")[:1])))
    earlier = _earlier_teams(conversations)
    own = fields.of({row.pk: row.contact_id for row in conversations})
    found = {}
    for row in conversations:
        here = moments[row.pk].astimezone(zone)
        found[row.pk] = {
            "channel": row.channel_account.kind,
            "account": row.channel_account.name,
            "language": row.language,
            "hour": here.hour,
            "weekday": DAYS[here.weekday()],
            "working_hours": "yes" if is_open(hours, here) else "no",
            "verified": "yes" if row.record_id in verified else "no",
            "intent": row.intent,
            "reason": row.escalation_reason,
            "urgency": row.urgency,
            "lead": row.lead,
            "confidence": row.confidence,
            "earlier_team": earlier.get(row.pk, ""),
            "contact_tags": tuple(sorted(tags.get(row.contact_id, ()))),
            "words": checks.words_in(said.get(row.pk) or ""),
            **own[row.pk],
        }
    return found


def try_rule(*, actor: Actor, rule_id: UUID, days: int = 7, now: datetime | None = None) -> TrialResult:
    """Say what a rule would have done in the last days.

    It looks at what waited for a person then, at most 1,000 of the newest conversations, with the rule in its place
    among the active ones. Nothing is written. Needs `conversations.manage_desk`; raises `Refused`, `NotFound`, and
    `Invalid` for more than 90 days.
    """
    actor.require(MANAGE)
    if not 1 <= days <= LONGEST_TRIAL:
        problem = f"Choose 1 to {LONGEST_TRIAL} days."
        raise Invalid(problem, fields={"days": [problem]})
    rule = get_or_missing(TriageRule.objects.select_related("reply").filter(pk=rule_id), MISSING)
    rules = sorted([*_active().exclude(pk=rule.pk), rule], key=lambda one: (one.position, one.pk))
    since = (now or clock_now()) - timedelta(days=days)
    waited = seen_conversations(actor).filter(escalated_at__gte=since)
    lean = waited.select_related("channel_account", "team", "contact").defer(
        "channel_account__credentials", "contact__display_name"
    )
    rows = list(lean.order_by("-escalated_at", "-id")[:TRIED])
    fields = fields_in_rules()
    facts = facts_of(rows, {row.pk: row.escalated_at or since for row in rows}, fields)
    teams = dict(Team.objects.values_list("pk", "name"))
    default = Team.objects.filter(is_default=True).values_list("pk", flat=True).first()
    answered = _answered_by(rule, rows)
    meets, differences = 0, []
    for row in rows:
        decision = _decide(rules, facts[row.pk], fields)
        meets += rule in decision.met
        new_team, new_priority = decision.team_id or default, decision.priority or row.priority
        is_answered = decision.answers_by == rule and row.pk not in answered
        reply = rule.reply.title if rule.reply and is_answered else ""
        if rule in decision.met and (new_team != row.team_id or new_priority != row.priority or reply):
            old = teams.get(row.team_id) if row.team_id else None
            new = teams.get(new_team) if new_team else None
            differences.append(Difference(row, old, new, row.priority, new_priority, reply))
    return TrialResult(len(rows), meets, len(differences), differences[:SHOWN])


def create_triage_rule(*, actor: Actor, settings: RuleSettings) -> TriageRule:
    """Create a triage rule after all others. Needs `conversations.manage_desk`.

    Raises `Refused`, `Invalid` with the fields, and `Conflict` ("exists"). Writes `TRIAGE_RULE_CREATED`.
    """
    actor.require(MANAGE)
    values = _checked(settings)
    with _unique(actor, values["name"]):
        advisory_lock(_LOCK)
        count = TriageRule.objects.count()
        if count >= MOST:
            raise Invalid(f"There can be at most {MOST} triage rules.")
        row: TriageRule = TriageRule.objects.create(**values, position=count)
        _record(actor, "TRIAGE_RULE_CREATED", row)
    return row


def revise_triage_rule(
    *, actor: Actor, rule_id: UUID, settings: RuleSettings, seen_version: int | None = None
) -> TriageRule:
    """Change a triage rule, or switch it on or off.

    Needs `conversations.manage_desk`. Raises `Refused`, `NotFound`, `Invalid` with the fields, and `Conflict`
    ("exists", "stale_version"). Writes `TRIAGE_RULE_REVISED`.
    """
    actor.require(MANAGE)
    values = _checked(settings)
    with _unique(actor, values["name"]):
        row = lock_version(actor, TriageRule, rule_id, seen_version, MISSING)
        TriageRule.objects.filter(pk=row.pk).update(**values, version=row.version + 1)
        row.refresh_from_db()
        _record(actor, "TRIAGE_RULE_REVISED", row)
    return row


def move_triage_rule(*, actor: Actor, rule_id: UUID, up: bool) -> TriageRule:
    """Let a rule be tried one place sooner, or later.

    At the end of the list nothing changes. Needs `conversations.manage_desk`. Raises `Refused`, `NotFound`. Writes
    `TRIAGE_RULE_MOVED`.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        advisory_lock(_LOCK)
        row = locked(TriageRule, rule_id, MISSING)
        move_row(row, up=up)
        _record(actor, "TRIAGE_RULE_MOVED", row)
    return row


def delete_triage_rule(*, actor: Actor, rule_id: UUID, seen_version: int | None = None) -> None:
    """Delete a triage rule; what it decided stays recorded with its name.

    Needs `conversations.manage_desk`. Raises `Refused`, `NotFound`, and `Conflict` ("stale_version"). Writes
    `TRIAGE_RULE_DELETED`.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        row = lock_version(actor, TriageRule, rule_id, seen_version, MISSING)
        _record(actor, "TRIAGE_RULE_DELETED", row)
        row.delete()


def _active() -> QuerySet[TriageRule]:
    return TriageRule.objects.filter(is_active=True).order_by("position", "id")


def _decide(rules: Iterable[TriageRule], facts: Mapping[str, Any], fields: FieldFacts) -> Decision:
    # Neither words nor custom fields are kept: both go with the person who is erased.
    decision = Decision(facts={name: facts[name] for name in FACTS.names - {"words"}})
    vocabulary, optional = fields.added_to(FACTS), OPTIONAL | fields.numbers
    for rule in rules:
        try:
            is_met = not rule.condition or holds(parse(rule.condition, vocabulary), facts, optional)
        except (BadExpression, NotEvaluable):
            # A rule that can't be read sends nothing anywhere: the next ones and the default team do.
            log.warning("triage_rule_skipped", rule=str(rule.pk))
            continue
        if not is_met:
            continue
        decision.met.append(rule)
        decision.team_id = decision.team_id or rule.team_id
        decision.priority = decision.priority or rule.priority
        decision.answers_by = decision.answers_by or (rule if rule.reply_id else None)
        if rule.tag_id:
            decision.tag_ids.append(rule.tag_id)
        if not rule.goes_on:
            break
    return decision


def _answered_by(rule: TriageRule, rows: Sequence[Conversation]) -> set[UUID]:
    """Return which of these conversations the rule has answered, or is about to. One query for a rule that answers."""
    if rule.reply_id is None:
        return set()
    keys = [reply_key(row.pk, rule.pk) for row in rows]
    return set(Triage.objects.filter(reply_key__in=keys).values_list("conversation_id", flat=True))


def _earlier_teams(conversations: Sequence[Conversation]) -> dict[UUID, str]:
    """Return the name of the team that had the contact's conversation before each one."""
    before = (
        Conversation.objects.filter(contact=OuterRef("contact"), created_at__lt=OuterRef("created_at"))
        .exclude(team=None)
        .order_by("-created_at")
    )
    rows = Conversation.objects.filter(pk__in=[row.pk for row in conversations])
    named = rows.annotate(earlier=Subquery(before.values("team__name")[:1])).values_list("pk", "earlier")
    return {pk: name or "" for pk, name in named}


def _checked(settings: RuleSettings) -> dict[str, Any]:
    wrong: dict[str, list[str]] = {}
    name = " ".join(settings.name.split())
    if not name or len(name) > 60 or not name.isprintable():
        wrong["name"] = ["Enter a name of at most 60 characters."]
    condition = settings.condition.strip()
    if condition:
        fields = fields_in_rules()
        try:
            if never := checks.condition_problem(parse(condition, fields.added_to(FACTS)), fields.choices):
                wrong["condition"] = [never]
        except BadExpression as problem:
            wrong["condition"] = [str(problem)]
    if settings.team_id and not Team.objects.filter(pk=settings.team_id).exists():
        wrong["team_id"] = ["Choose a team."]
    if settings.tag_id and not Tag.objects.filter(pk=settings.tag_id).exists():
        wrong["tag_id"] = ["Choose a tag."]
    reply = CannedReply.objects.filter(pk=settings.reply_id, owner=None).first() if settings.reply_id else None
    if settings.reply_id and reply is None:
        wrong["reply_id"] = ["Choose a canned reply of a team or of everybody."]
    if reply is not None and reply.names_its_sender:
        wrong["reply_id"] = ["This reply says {{ my_name }}, but no person sends it. Choose another."]
    if settings.priority is not None and settings.priority not in Priority.values:
        wrong["priority"] = ["Choose a priority."]
    if (settings.team_id, settings.priority, settings.tag_id, settings.reply_id) == (None, None, None, None):
        nothing = "Choose a team, a priority, a tag or a canned reply: otherwise the rule does nothing."
        wrong.setdefault("team_id", [nothing])
    if wrong:
        raise Invalid("This triage rule can't be saved.", fields=wrong)
    return {**asdict(settings), "name": name, "condition": condition}


def _unique(actor: Actor, name: str) -> AbstractContextManager[None]:
    return unique(actor, TriageRule.objects.filter(name__iexact=name), "There is a triage rule with this name.")


def _record(actor: Actor, action: str, row: TriageRule) -> None:
    chain.note(actor, action, row, active=row.is_active, position=row.position, condition=row.condition)

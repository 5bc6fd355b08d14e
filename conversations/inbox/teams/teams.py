"""Create, change and delete teams, and say who is in them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from accounts.models import Membership
from accounts.selectors import holding, list_members
from accounts.versioning import conflict_with, lock_version, unique
from conversations import registry
from conversations.inbox.assignment import MANAGE, REPLY
from conversations.inbox.changes import wake_after_commit
from conversations.models import MOST_AT_ONCE, Conversation, Priority, Team, TeamMember, TeamTarget, TriageRule
from conversations.transitions import CLOSED
from core.actors import Actor
from core.audit import chain
from core.db.locks import advisory_lock
from core.errors import Conflict, Invalid
from hitl.models import BusinessCalendar

MISSING: Final = "This team doesn't exist."
LONGEST: Final = 60 * 24 * 30
"""The longest time of a team's settings and targets, in minutes: thirty days."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A person's place in a team."""

    user_id: UUID
    capacity: int = 5
    is_lead: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """How soon conversations of one priority are answered and resolved; None is no target."""

    first_answer_minutes: int | None = None
    resolution_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class TeamSettings:
    """What a team is like, without its people."""

    name: str
    calendar_id: UUID | None = None
    policy: str = Team.Policy.ROUND_ROBIN
    prefers_last_person: bool = True
    fallback_id: UUID | None = None
    fallback_minutes: int = 30
    away_minutes: int = 15
    warning_minutes: int = 10
    is_open: bool = True
    is_default: bool = False
    survey: str = Team.Asks.NEVER
    survey_share: int = 100
    survey_question: str = ""


def create_team(
    *, actor: Actor, settings: TeamSettings, seats: Sequence[Seat] = (), targets: Mapping[int, Target] | None = None
) -> Team:
    """Create a team. `targets` are by priority.

    Needs `conversations.manage_desk`. Raises `Refused`, `Invalid` with the fields, and `Conflict` ("exists") for a
    name in use. A new default team takes that from the former one. Writes `TEAM_CREATED`.
    """
    actor.require(MANAGE)
    values = _checked_settings(settings, team_id=None)
    people = _checked_seats(seats)
    wanted = _checked_targets(targets or {})
    with _unique(actor, settings.name):
        _make_room(settings)
        team: Team = Team.objects.create(**values)
        TeamMember.objects.bulk_create(TeamMember(team=team, **asdict(seat)) for seat in people)
        TeamTarget.objects.bulk_create(
            TeamTarget(team=team, priority=key, **asdict(one)) for key, one in wanted.items()
        )
        wake_after_commit(team.pk)
        chain.note(actor, "TEAM_CREATED", team, people=len(people))
    return team


def revise_team(
    *,
    actor: Actor,
    team_id: UUID,
    settings: TeamSettings,
    seats: Sequence[Seat],
    targets: Mapping[int, Target],
    seen_version: int | None = None,
) -> Team:
    """Change a team, its people and its targets to what is given.

    Conversations that people who leave have stay with them. Needs `conversations.manage_desk`. Raises `Refused`,
    `NotFound`, `Invalid` with the fields, and `Conflict` ("exists", "stale_version"). Writes `TEAM_REVISED`.
    """
    actor.require(MANAGE)
    values = _checked_settings(settings, team_id=team_id)
    people = {seat.user_id: seat for seat in _checked_seats(seats)}
    wanted = _checked_targets(targets)
    with _unique(actor, settings.name):
        team = lock_version(actor, Team, team_id, seen_version, MISSING)
        _make_room(settings, team_id)
        Team.objects.filter(pk=team_id).update(**values, version=team.version + 1)
        there = set(TeamMember.objects.filter(team=team).values_list("user_id", flat=True))
        TeamMember.objects.filter(team=team).exclude(user_id__in=people).delete()
        for user_id in there & set(people):
            TeamMember.objects.filter(team=team, user_id=user_id).update(**asdict(people[user_id]))
        joined = sorted(set(people) - there)
        TeamMember.objects.bulk_create(TeamMember(team=team, **asdict(people[one])) for one in joined)
        TeamTarget.objects.filter(team=team).delete()
        TeamTarget.objects.bulk_create(
            TeamTarget(team=team, priority=key, **asdict(one)) for key, one in wanted.items()
        )
        team.refresh_from_db()
        wake_after_commit(team.pk)
        chain.note(actor, "TEAM_REVISED", team, joined=len(joined), left=len(there - set(people)))
    return team


def delete_team(*, actor: Actor, team_id: UUID, seen_version: int | None = None) -> None:
    """Delete a team that has no open conversation.

    No other team may fall back to it, and no triage rule send to it. Needs `conversations.manage_desk`. Raises
    `Refused`, `NotFound`, and `Conflict` ("in_use", "stale_version"). Writes `TEAM_DELETED`.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        team = lock_version(actor, Team, team_id, seen_version, MISSING)
        if Conversation.objects.filter(team=team).exclude(state=CLOSED).exists():
            raise Conflict("This team has open conversations. Move or close them first.", code="in_use")
        before = Team.objects.filter(fallback=team).order_by("name").first()
        if before is not None:
            problem = f"{before} falls back to this team. Choose another fallback there first."
            raise conflict_with(problem, code="in_use", actor=actor, object_type=Team._meta.label_lower, row=before)
        rule = TriageRule.objects.filter(Q(team=team) | Q(reply__team=team)).order_by("position", "id").first()
        if rule is not None:
            what = "conversations to" if rule.team_id == team.pk else "a canned reply of"
            raise Conflict(f"The triage rule “{rule}” sends {what} this team.", code="in_use")
        Conversation.objects.filter(team=team).update(team=None)
        registry.note_team_going(team)
        chain.note(actor, "TEAM_DELETED", team)
        Team.objects.filter(pk=team_id).delete()


class Keeper:
    """Lets the sign-in at a company, which lies below, know teams and place people in them."""

    def names(self) -> dict[UUID, str]:
        """Return the names of the teams of the tenant in scope, by id."""
        return dict(Team.objects.order_by("name").values_list("pk", "name"))

    def ids(self) -> QuerySet[Any]:
        """Return the ids of the teams in scope."""
        return Team.objects.values("pk")

    def joined(self, user_ids: Collection[UUID]) -> QuerySet[TeamMember]:
        """Return the places in teams of some people."""
        return TeamMember.objects.filter(user_id__in=user_ids)

    def place(self, *, actor: Actor, user_id: UUID, wanted: Collection[UUID], among: Collection[UUID]) -> None:
        """Let a person be in the wanted ones among some teams, and in no other of them. Safe to repeat.

        Who may not reply is placed in none. Needs `conversations.manage_desk`; raises `Refused`. Writes `TEAM_REVISED`
        for each team that changes.
        """
        actor.require(MANAGE)
        facts = []
        with transaction.atomic():
            members = Membership.objects.filter(holding(REPLY), user_id=user_id, is_active=True)
            can_reply = members.exists()
            for team in Team.objects.select_for_update().filter(pk__in=among).order_by("pk"):
                seat = TeamMember.objects.filter(team=team, user_id=user_id)
                is_wanted = can_reply and team.pk in wanted
                if is_wanted == seat.exists():
                    continue
                if is_wanted:
                    TeamMember.objects.create(team=team, user_id=user_id)
                else:
                    seat.delete()
                # So that nobody who has the team's form open undoes it unseen.
                Team.objects.filter(pk=team.pk).update(version=F("version") + 1)
                wake_after_commit(team.pk)
                told = {"joined": int(is_wanted), "left": int(not is_wanted)}
                facts.append(chain.Fact(actor, "TEAM_REVISED", Team._meta.label_lower, team.pk, facts=told))
            chain.record_all(facts)


def _make_room(settings: TeamSettings, team_id: UUID | None = None) -> None:
    """Take the default from another team if this one becomes it: one at a time."""
    if settings.is_default:
        advisory_lock("default team")
        Team.objects.filter(is_default=True).exclude(pk=team_id).update(is_default=False)


def _checked_settings(settings: TeamSettings, *, team_id: UUID | None) -> dict[str, Any]:
    wrong: dict[str, list[str]] = {}
    name = " ".join(settings.name.replace("\0", "").split())
    if not name or len(name) > 60:
        wrong["name"] = ["Enter a name of at most 60 characters."]
    if settings.policy not in Team.Policy.values:
        wrong["policy"] = ["Choose one of the policies."]
    if settings.calendar_id and not BusinessCalendar.objects.filter(pk=settings.calendar_id).exists():
        wrong["calendar"] = ["This calendar doesn't exist."]
    for field in ("fallback_minutes", "away_minutes", "warning_minutes"):
        if not 1 <= getattr(settings, field) <= 60 * 24:
            wrong[field] = ["Enter 1 to 1,440 minutes."]
    if settings.survey not in Team.Asks.values:
        wrong["survey"] = ["Choose when customers are asked."]
    if not 1 <= settings.survey_share <= 100:
        wrong["survey_share"] = ["Enter 1 to 100 percent."]
    question = " ".join(settings.survey_question.replace("\0", "").split())
    if len(question) > 200:
        wrong["survey_question"] = ["Use at most 200 characters."]
    if settings.fallback_id and (problem := _problem_of_fallback(settings.fallback_id, team_id)):
        wrong["fallback"] = [problem]
    if wrong:
        raise Invalid("This team can't be saved.", fields=wrong)
    return {**asdict(settings), "name": name, "survey_question": question}


def _problem_of_fallback(fallback_id: UUID, team_id: UUID | None) -> str:
    """Return why a team can't be the fallback of another, or ""."""
    following = dict(Team.objects.values_list("pk", "fallback_id"))
    if fallback_id not in following:
        return "This team doesn't exist."
    seen: set[UUID | None] = set()
    step: UUID | None = fallback_id
    while step is not None and step not in seen:
        if step == team_id:
            return "These teams would fall back to each other in a circle."
        seen.add(step)
        step = following.get(step)
    return ""


def _checked_seats(seats: Iterable[Seat]) -> list[Seat]:
    people = {seat.user_id: seat for seat in seats}
    able = {member.user_id for member in list_members(permission=REPLY)}
    if set(people) - able:
        problem = "Choose active members whose role allows replying."
        raise Invalid("Some of these people can't answer conversations.", fields={"people": [problem]})
    if any(not 1 <= seat.capacity <= MOST_AT_ONCE for seat in people.values()):
        problem = f"Enter 1 to {MOST_AT_ONCE} conversations."
        raise Invalid("This team can't be saved.", fields={"capacity": [problem]})
    return [people[key] for key in sorted(people)]


def _checked_targets(targets: Mapping[int, Target]) -> dict[int, Target]:
    if set(targets) - set(Priority.values):
        raise Invalid("This team can't be saved.", fields={"targets": ["Choose a priority."]})
    for target in targets.values():
        minutes = (target.first_answer_minutes, target.resolution_minutes)
        if any(one is not None and not 1 <= one <= LONGEST for one in minutes):
            problem = f"Enter 1 to {LONGEST:,} minutes (30 days), or nothing."
            raise Invalid("This team can't be saved.", fields={"targets": [problem]})
    return {priority: target for priority, target in targets.items() if target != Target()}


def _unique(actor: Actor, name: str) -> AbstractContextManager[None]:
    same = Team.objects.filter(name=" ".join(name.split()))
    return unique(actor, same, "A team with this name already exists.")

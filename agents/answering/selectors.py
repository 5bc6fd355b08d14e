"""Read runs and their tool calls; the transcript of a run, how it stands, and its caller."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, Q, QuerySet, Subquery

from accounts.models import Membership
from accounts.permissions.roles import own_role, permissions_of, with_role
from agents.answering.tools.registry import Caller
from agents.llm.ports import Line
from agents.models import AgentRun, AgentVersion, ToolCall
from agents.selectors import authors_of
from conversations.models import Contact, Conversation, Message
from conversations.selectors import seen_by, stopped_at
from core.actors import Actor
from core.db.rows import get_or_missing
from core.models import AuditEntry
from core.reliability import kept
from hitl.models import GlobalKillSwitch, KillSwitch
from hitl.selectors.approvals import stopped_outside

VIEW_RUN = "agents.view_agentrun"
TRANSCRIPT_LINES = 30
ENDS: Final[dict[str, str]] = {Conversation.State.PERSON: "taken_over", Conversation.State.CLOSED: "closed"}
"""Why an agent may not speak in a conversation of another state than its own."""


SCOPES: Final = (KillSwitch.Scope.TENANT, KillSwitch.Scope.AGENT)
"""Of the emergency stops that agents end with."""


class Input(NamedTuple):
    """A message that a run answers, or has answered."""

    message_id: UUID
    is_answered: bool
    seq: int
    written_at: datetime
    is_verified: bool
    user_id: UUID | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands at one moment: the state and the place of its conversation, and the messages that it answers.

    `is_held` is False when another worker has the run. `contact_id` is the contact whose addresses the conversation
    has: of a merged one that one, with its own facts and rights. `stops` are the agents under an emergency stop, by id,
    "" for all of them. `language` is that of its messages so far, or else the one that its contact is known by.
    `contact_language` is that one: our own sentences are in it where we have no words in the first.
    """

    is_held: bool
    state: str
    contact_id: UUID
    user_id: UUID | None
    channel: str
    keepers: tuple[UUID, ...]
    account_id: UUID
    account: str
    team_id: UUID | None
    team: str
    stops: frozenset[str]
    language: str
    contact_language: str
    inputs: Sequence[Input]

    @property
    def is_proven(self) -> bool:
        """Return True if the sender of each message is proven."""
        return bool(self.inputs) and all(each.is_verified for each in self.inputs)

    @property
    def is_colleague(self) -> bool:
        """Return True if proven messages of the contact's own user are all that it answers."""
        senders = {(each.is_verified, each.user_id) for each in self.inputs}
        return self.user_id is not None and senders == {(True, self.user_id)}


@dataclass(frozen=True, slots=True)
class Transcript:
    """The transcript that a run answers, and the agent that its newest message names."""

    lines: Sequence[Line] = field(repr=False)
    named: str
    message_ids: Sequence[UUID] = ()
    """Of which message each line is, in their order."""
    answered_by: Sequence[UUID] = ()
    """The agents that wrote the answers among the lines, the newest answer's first."""


def query_runs(*, viewer: Actor) -> QuerySet[AgentRun]:
    """Return the runs with agent and version. Needs `agents.view_agentrun`."""
    viewer.require(VIEW_RUN)
    rows: QuerySet[AgentRun] = AgentRun.objects.filter(seen_by(viewer, "conversation__", need=VIEW_RUN))
    return rows.select_related("agent_version__agent")


def get_run(*, viewer: Actor, run_id: UUID) -> AgentRun:
    """Return one run. Needs `agents.view_agentrun`; raises `NotFound`."""
    return get_or_missing(query_runs(viewer=viewer).filter(pk=run_id))


def query_tool_calls(*, viewer: Actor) -> QuerySet[ToolCall]:
    """Return the tool calls. Needs `agents.view_agentrun`."""
    viewer.require(VIEW_RUN)
    rows: QuerySet[ToolCall] = ToolCall.objects.filter(seen_by(viewer, "run__conversation__", need=VIEW_RUN))
    # Their names are hidden in the results.
    return rows.select_related("run__conversation__contact")


def get_tool_call(*, viewer: Actor, call_id: UUID) -> ToolCall:
    """Return one tool call. Needs `agents.view_agentrun`; raises `NotFound`."""
    return get_or_missing(query_tool_calls(viewer=viewer).filter(pk=call_id), "There is no such tool call.")


def read_transcript(run: AgentRun, inputs: Sequence[Input]) -> Transcript:
    """Read the masked transcript that this run answers, once per round.

    The run's unanswered messages come last, even if others were sent in between. A later message that
    has not joined belongs to the round, or the run, that it joins.
    """
    joined = max((message.seq for message in inputs), default=0)
    newest = Message.objects.filter(conversation_id=run.conversation_id).order_by("-seq")
    newest = newest.only("tenant_id", "seq", "direction", "sender_type", "sender_id", "masked_body", "metadata")
    rows = list(newest.filter(Q(seq__lte=joined) | Q(direction="out"))[:TRANSCRIPT_LINES])[::-1]
    open_ids = {message.message_id for message in inputs if not message.is_answered}
    ordered = sorted(rows, key=lambda row: row.id in open_ids)
    lines = tuple(
        Line(
            "user" if row.direction == "in" else "assistant",
            row.masked_body,
            from_colleague=row.sender_type == Message.Sender.PERSON,
        )
        for row in ordered
    )
    last = next((row for row in rows if inputs and row.seq == joined), None)
    named = str((last.metadata or {}).get("agent", "")) if last else ""
    answered_by = tuple(row.sender_id for row in reversed(rows) if row.sender_type == Message.Sender.AGENT)
    return Transcript(lines, named, tuple(row.id for row in ordered), answered_by)


def read_standing(run: AgentRun) -> Standing:
    """Return how a run stands now: one query for all that may end it, and for the person it works for (two if
    their contact was merged)."""
    account = ("kind", "keepers", "id", "name")
    place = ("state", *(f"channel_account__{name}" for name in account), "team_id", "team__name", "language")
    people = ("contact_id", "contact__user_id", "origin_id", "contact__language")
    message = ("seq", "created_at", "sender_verified", "sender_user_id")
    columns = (
        *("fence", "state", "answered", *(f"conversation__{name}" for name in (*place, *people))),
        *("inputs__message_id", "inputs__number", *(f"inputs__message__{name}" for name in message)),
    )
    # One row for each message of the run; one without a message if there is none.
    rows = list(AgentRun.objects.filter(pk=run.pk).values_list(*columns, *_stops()))
    fence, run_state, answered, state, channel, keepers, account_id, account_name, team_id, team = rows[0][:10]
    language, contact_id, user_id, origin_id, known = rows[0][10:15]
    if origin_id:  # a merged contact is rare, and its join would make every look dearer
        user_id = Contact.objects.values_list("user_id", flat=True).get(pk=origin_id)
    return Standing(
        is_held=run_state == AgentRun.State.RUNNING and fence == run.fence,
        state=state,
        contact_id=origin_id or contact_id,
        user_id=user_id,
        channel=channel,
        keepers=tuple(keepers),
        account_id=account_id,
        account=account_name,
        team_id=team_id,
        team=team or "",
        stops=_stops_in(rows[0]),
        language=language or known.partition("_")[0],
        contact_language=known,
        inputs=[Input(row[15], row[16] <= answered, *row[17:21]) for row in rows if row[15] is not None],
    )


class Moment(NamedTuple):
    """What may end a turn while a model speaks."""

    is_held: bool
    state: str
    stops: frozenset[str]
    rights: frozenset[str]
    """Of the member who is asked about; none if their seat has ended."""


def read_moment(run: AgentRun, user_id: UUID | None) -> Moment:
    """Return whether the run is still this worker's, its conversation's state, the stops and a member's rights."""
    seat = Membership.objects.filter(user_id=user_id, is_active=True, user__is_active=True)
    rights = seat.annotate(of_own=own_role("permissions"))
    role, of_own = Subquery(seat.values("role")[:1]), Subquery(rights.values("of_own")[:1])
    columns = ("state", "fence", "conversation__state", role, of_own, *_stops())
    found = AgentRun.objects.filter(pk=run.pk).values_list(*columns).get()
    run_state, fence, state, role_key, granted = found[:5]
    is_held = run_state == AgentRun.State.RUNNING and fence == run.fence
    return Moment(is_held, state, _stops_in(found), permissions_of(role_key or "", granted))


def _stops() -> tuple[ArraySubquery, Exists]:
    """Return the columns of the emergency stops that agents end with."""
    here = KillSwitch.objects.filter(released_at=None).filter(scope__in=SCOPES)
    return ArraySubquery(here.values("target")), Exists(GlobalKillSwitch.objects.filter(released_at=None))


def _stops_in(row: Sequence[Any]) -> frozenset[str]:
    targets, is_everywhere = row[-2:]
    return frozenset([*targets, *([""] if is_everywhere else []), *paused_outside()])


def paused_outside() -> frozenset[str]:
    """Return which agents, "" for all, a stop covers that was released or changed outside the application.

    As it was seconds ago: what people stop and resume is read each time.
    """
    return kept.keep(
        lambda: frozenset(target for scope, target in stopped_outside() if scope in SCOPES),
        "stops changed outside",
    )


def is_stopped(run: AgentRun, standing: Standing | None = None) -> bool:
    """Return True if the customer stopped the agent after the newest message that the run answers."""
    asked = stopped_at(run.conversation_id)
    if asked is None:
        return False
    return all(message.written_at <= asked for message in (standing or read_standing(run)).inputs)


def caller_of(run: AgentRun, version: AgentVersion, standing: Standing | None = None) -> Caller:
    """Return who the run works for.

    Read each time, because memberships and rights can end at any moment; `standing` is what was read just now.
    A run has the rights of the weakest of its messages: one unverified among them makes it public.
    """
    now = standing or read_standing(run)
    member = None
    if now.is_colleague:
        members = Membership.objects.filter(user_id=now.user_id, is_active=True, user__is_active=True)
        member = with_role(members).first()
    linkers: tuple[UUID, ...] = ()
    if member:  # also by links that were removed: a link may have been removed and made again for them
        links = AuditEntry.objects.filter(
            object_type="conversations.contact",
            object_id=now.contact_id,
            action="CONTACT_LINKED",
            facts__user=str(member.user_id),
        )
        people = links.exclude(actor_user_id=None).order_by("actor_user_id")
        linkers = tuple(people.values_list("actor_user_id", flat=True).distinct())
    return Caller(
        conversation_id=run.conversation_id,
        channel=now.channel,
        verified=now.is_proven,
        user_id=member.user_id if member else None,
        permissions=permissions_of(member.role, member.own_permissions) if member else frozenset(),
        agent_id=version.agent_id,
        agent_type=version.agent.type,
        agent_owner_id=version.agent.owner_id,
        run_id=run.id,
        linker_ids=linkers,
        collection_ids=tuple(version.collections),
        asks_judge=version.asks_judge,
        max_open_approvals=version.max_open_approvals,
        agent_author_ids=authors_of(version.agent),
        channel_keeper_ids=now.keepers,
        contact_id=now.contact_id,
        other_teams=frozenset(name for name, teams in version.tool_teams.items() if str(now.team_id) not in teams),
    )

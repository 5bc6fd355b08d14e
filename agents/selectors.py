"""Read agents, runs and tool calls; the transcript of a run and its caller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import F, Max, Q, QuerySet

from accounts.models import Membership
from accounts.permissions.roles import permissions_of
from agents.answering.tools.registry import Caller
from agents.langflow.connection import FLOW
from agents.langflow.connection import editors as flow_editors
from agents.llm.ports import Line
from agents.llm.routes.candidates import ROUTES
from agents.llm.routes.configuration import editors as route_editors
from agents.models import Agent, AgentActivation, AgentRun, AgentVersion, ToolCall
from conversations.models import Contact, Conversation, Message
from conversations.selectors import seen_by, stopped_at
from core.actors import Actor
from core.errors import NotFound
from core.models import AuditEntry
from core.reliability import kept

VIEW_AGENT = "agents.view_agent"
VIEW_RUN = "agents.view_agentrun"
TRANSCRIPT_LINES = 30
EARLIER_AUTHORS = "earlier_authors"
ENDS: Final[dict[str, str]] = {Conversation.State.PERSON: "taken_over", Conversation.State.CLOSED: "closed"}
"""Why an agent may not speak in a conversation of another state than its own."""


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
    has: of a merged one that one, with its own facts and rights.
    """

    is_held: bool
    state: str
    contact_id: UUID
    user_id: UUID | None
    channel: str
    keepers: tuple[UUID, ...]
    inputs: Sequence[Input]


@dataclass(frozen=True, slots=True)
class Transcript:
    """The transcript that a run answers, and the agent that its newest message names."""

    lines: Sequence[Line] = field(repr=False)
    has_messages: bool
    named: str
    message_ids: Sequence[UUID] = ()
    """Of which message each line is, in their order."""
    answered_by: Sequence[UUID] = ()
    """The agents that wrote the answers among the lines, the newest answer's first."""


def _agents() -> QuerySet[Agent]:
    agents: QuerySet[Agent] = Agent.objects.select_related("active_version")
    return agents.annotate(draft_number=Max("versions__number", filter=Q(versions__is_draft=True)))


def query_agents(*, viewer: Actor) -> QuerySet[Agent]:
    """Return the agents with their active version and the number of their draft. Needs `agents.view_agent`."""
    viewer.require(VIEW_AGENT)
    return _agents()


def get_agent(*, viewer: Actor, agent_id: UUID) -> Agent:
    """Return one agent. Needs `agents.view_agent`; raises `NotFound`."""
    viewer.require(VIEW_AGENT)
    found = _agents().filter(pk=agent_id).first()
    if found is None:
        raise NotFound("There is no such agent.")
    return found


def query_runs(*, viewer: Actor) -> QuerySet[AgentRun]:
    """Return the runs with agent and version. Needs `agents.view_agentrun`."""
    viewer.require(VIEW_RUN)
    rows: QuerySet[AgentRun] = AgentRun.objects.filter(seen_by(viewer, "conversation__"))
    return rows.select_related("agent_version__agent")


def get_run(*, viewer: Actor, run_id: UUID) -> AgentRun:
    """Return one run. Needs `agents.view_agentrun`; raises `NotFound`."""
    run: AgentRun | None = query_runs(viewer=viewer).filter(pk=run_id).first()
    if run is None:
        raise NotFound
    return run


def query_tool_calls(*, viewer: Actor) -> QuerySet[ToolCall]:
    """Return the tool calls. Needs `agents.view_agentrun`."""
    viewer.require(VIEW_RUN)
    rows: QuerySet[ToolCall] = ToolCall.objects.filter(seen_by(viewer, "run__conversation__"))
    return rows


def get_tool_call(*, viewer: Actor, call_id: UUID) -> ToolCall:
    """Return one tool call. Needs `agents.view_agentrun`; raises `NotFound`."""
    found: ToolCall | None = query_tool_calls(viewer=viewer).filter(pk=call_id).first()
    if found is None:
        raise NotFound("There is no such tool call.")
    return found


def get_draft(*, viewer: Actor, agent_id: UUID) -> AgentVersion:
    """Return an agent's draft. Needs `agents.view_agent`; raises `NotFound`."""
    viewer.require(VIEW_AGENT)
    draft: AgentVersion | None = AgentVersion.objects.filter(agent_id=agent_id, is_draft=True).first()
    if draft is None:
        raise NotFound("This agent has no draft.")
    return draft


def query_versions(*, viewer: Actor, agent_id: UUID) -> QuerySet[AgentVersion]:
    """Return an agent's versions, newest first, the draft among them. Needs `agents.view_agent`."""
    viewer.require(VIEW_AGENT)
    rows: QuerySet[AgentVersion] = AgentVersion.objects.filter(agent_id=agent_id).order_by("-number")
    return rows


def query_activations(*, viewer: Actor, agent_id: UUID) -> QuerySet[AgentActivation]:
    """Return an agent's history: which version answered from when, newest first. Needs `agents.view_agent`."""
    viewer.require(VIEW_AGENT)
    rows: QuerySet[AgentActivation] = AgentActivation.objects.filter(agent_id=agent_id)
    return rows.select_related("version", "previous").order_by("-created_at", "-id")


def _answering() -> QuerySet[AgentVersion]:
    """Return the active versions of the agents that are switched on."""
    versions: QuerySet[AgentVersion] = AgentVersion.objects.filter(
        pk=F("agent__active_version_id"), agent__is_active=True
    )
    return versions.select_related("agent")


def active_versions() -> Sequence[AgentVersion]:
    """Return the active version of every agent that is switched on, built-in ones first; as they were seconds ago."""
    return kept.keep(lambda: tuple(_answering().order_by("-agent__is_system", "agent_id")), "active versions")


def version_of_type(agent_type: str) -> AgentVersion | None:
    """Return the active version of the agent of a type.

    The tenant's own before a built-in one, and the newest of these.
    """
    of_type = [version for version in active_versions() if version.agent.type == agent_type]
    of_type.sort(key=lambda version: (not version.agent.is_system, version.agent.created_at))
    return of_type[-1] if of_type else None


def active_tools() -> list[str]:
    """Return the names of the tools of every agent that is switched on, built-in ones first."""
    return list(dict.fromkeys(name for version in active_versions() for name in tools_of(version)))


def any_version() -> AgentVersion | None:
    """Return the active version of any agent, built-in ones first."""
    return min(active_versions(), key=lambda v: (not v.agent.is_system, v.agent.created_at), default=None)


def last_version(conversation_id: UUID, transcript: Transcript) -> AgentVersion | None:
    """Return the active version of the agent that answered last in a conversation and is still switched on.

    No query, unless none of these agents wrote anything that the transcript of a long conversation shows.
    """
    answering = {version.agent_id: version for version in active_versions()}
    last = next((agent_id for agent_id in transcript.answered_by if agent_id in answering), None)
    if last is None and len(transcript.lines) >= TRANSCRIPT_LINES:
        runs = AgentRun.objects.filter(conversation_id=conversation_id, agent_version__agent_id__in=answering)
        last = runs.order_by("-created_at").values_list("agent_version__agent_id", flat=True).first()
    return answering[last] if last else None


def tools_of(version: AgentVersion) -> list[str]:
    """Return the names of the tools that a version may call."""
    return list(dict.fromkeys(version.tools))


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
    return Transcript(lines, bool(inputs), named, tuple(row.id for row in ordered), answered_by)


def read_standing(run: AgentRun) -> Standing:
    """Return how a run stands now: one query for all that may end it, and for the person it works for (two if
    their contact was merged)."""
    place = ("state", "channel_account__kind", "channel_account__keepers")
    people = ("contact_id", "contact__user_id", "origin_id")
    message = ("seq", "created_at", "sender_verified", "sender_user_id")
    columns = (
        *("fence", "state", "answered", *(f"conversation__{name}" for name in (*place, *people))),
        *("inputs__message_id", "inputs__number", *(f"inputs__message__{name}" for name in message)),
    )
    # One row for each message of the run; one without a message if there is none.
    rows = list(AgentRun.objects.filter(pk=run.pk).values_list(*columns))
    fence, run_state, answered, state, channel, keepers = rows[0][:6]
    contact_id, user_id, origin_id = rows[0][6:9]
    if origin_id:  # a merged contact is rare, and its join would make every look dearer
        user_id = Contact.objects.values_list("user_id", flat=True).get(pk=origin_id)
    return Standing(
        is_held=run_state == AgentRun.State.RUNNING and fence == run.fence,
        state=state,
        contact_id=origin_id or contact_id,
        user_id=user_id,
        channel=channel,
        keepers=tuple(keepers),
        inputs=[Input(row[9], row[10] <= answered, *row[11:]) for row in rows if row[9] is not None],
    )


def read_state(run: AgentRun) -> tuple[bool, str]:
    """Return whether the run is still this worker's, and the state of its conversation."""
    columns = ("state", "fence", "conversation__state")
    run_state, fence, state = AgentRun.objects.values_list(*columns).get(pk=run.pk)
    return run_state == AgentRun.State.RUNNING and fence == run.fence, state


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
    senders = {(message.is_verified, message.user_id) for message in now.inputs}
    user_id, verified = now.user_id, bool(senders) and all(proven for proven, _ in senders)
    member = None
    if user_id and senders == {(True, user_id)}:
        member = Membership.objects.filter(user_id=user_id, is_active=True, user__is_active=True).first()
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
        verified=verified,
        user_id=member.user_id if member else None,
        permissions=permissions_of(member.role) if member else frozenset(),
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
    )


def authors_of(agent: Agent) -> tuple[UUID, ...]:
    """Return everyone who ever wrote or activated an own agent's configuration, or the one it was copied from.

    What any of them wrote may still be in the active version.
    """
    if agent.is_system:
        return ()
    versions = list(AgentVersion.objects.filter(agent=agent).values_list("author_id", "co_authors", "model"))
    people = {person for author, others, _ in versions for person in (author, *others)}
    people |= set(AgentActivation.objects.filter(agent=agent).values_list("person_id", flat=True))
    models = {model for *_, model in versions}  # who can lead the agent to another server speaks for it
    people |= flow_editors() if FLOW in models else set()
    people |= route_editors() if ROUTES in models else set()
    people |= {UUID(person) for person in agent.configuration.get(EARLIER_AUTHORS, ())}
    return tuple(sorted(person for person in people if person))

"""Read agents, runs and tool calls; the transcript of a run and its caller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db.models import Max, Q, QuerySet, Subquery

from accounts.models import Membership
from accounts.permissions.roles import permissions_of
from agents.models import Agent, AgentRun, AgentVersion, ToolCall
from agents.ports import Line
from agents.tools.registry import Caller
from conversations.models import Conversation, Message
from conversations.selectors import stopped_at
from core.actors import Actor
from core.errors import NotFound
from core.models import AuditEntry

VIEW_AGENT = "agents.view_agent"
VIEW_RUN = "agents.view_agentrun"
TRANSCRIPT_LINES = 30
EARLIER_AUTHORS = "earlier_authors"
ENDS: Final[dict[str, str]] = {Conversation.State.PERSON: "taken_over", Conversation.State.CLOSED: "closed"}
"""Why an agent may not speak in a conversation of another state than its own."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """The transcript that a run answers, and the agent that its newest message names."""

    lines: Sequence[Line] = field(repr=False)
    has_messages: bool
    named: str
    message_ids: Sequence[UUID] = ()
    """Of which message each line is, in their order."""


def _agents() -> QuerySet[Agent]:
    agents: QuerySet[Agent] = Agent.objects.all()
    return agents.annotate(newest=Max("versions__number"))


def query_agents(*, viewer: Actor) -> QuerySet[Agent]:
    """Return the agents with the number of their newest version. Needs `agents.view_agent`."""
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
    rows: QuerySet[AgentRun] = AgentRun.objects.select_related("agent_version__agent")
    return rows


def get_run(*, viewer: Actor, run_id: UUID) -> AgentRun:
    """Return one run. Needs `agents.view_agentrun`; raises `NotFound`."""
    viewer.require(VIEW_RUN)
    run: AgentRun | None = AgentRun.objects.filter(pk=run_id).select_related("agent_version__agent").first()
    if run is None:
        raise NotFound
    return run


def query_tool_calls(*, viewer: Actor) -> QuerySet[ToolCall]:
    """Return the tool calls. Needs `agents.view_agentrun`."""
    viewer.require(VIEW_RUN)
    rows: QuerySet[ToolCall] = ToolCall.objects.all()
    return rows


def get_tool_call(*, viewer: Actor, call_id: UUID) -> ToolCall:
    """Return one tool call. Needs `agents.view_agentrun`; raises `NotFound`."""
    viewer.require(VIEW_RUN)
    found: ToolCall | None = ToolCall.objects.filter(pk=call_id).first()
    if found is None:
        raise NotFound("There is no such tool call.")
    return found


def newest_version(agent_type: str) -> AgentVersion | None:
    """Return the newest version of the active agent of a type.

    The tenant's own before a built-in one.
    """
    versions = AgentVersion.objects.filter(agent__type=agent_type, agent__is_active=True)
    order = ("agent__is_system", "-agent__created_at", "-number")
    return versions.select_related("agent").order_by(*order).first()


def newest_versions() -> list[AgentVersion]:
    """Return the newest version of every active agent, built-in ones first."""
    rows = AgentVersion.objects.filter(agent__is_active=True).select_related("agent")
    found: dict[UUID, AgentVersion] = {}
    for version in rows.order_by("-agent__is_system", "agent_id", "-number"):
        found.setdefault(version.agent_id, version)
    return list(found.values())


def any_version() -> AgentVersion | None:
    """Return the newest version of any active agent, built-in ones first."""
    versions = AgentVersion.objects.filter(agent__is_active=True).select_related("agent")
    return versions.order_by("-agent__is_system", "agent__created_at", "-number").first()


def last_version(conversation_id: UUID) -> AgentVersion | None:
    """Return the newest version of the agent that answered last in a conversation, if it is still active."""
    runs = AgentRun.objects.filter(conversation_id=conversation_id, agent_version__agent__is_active=True)
    last = runs.order_by("-created_at").values("agent_version__agent_id")[:1]
    versions = AgentVersion.objects.filter(agent_id=Subquery(last))
    return versions.select_related("agent").order_by("-number").first()


def read_transcript(run: AgentRun) -> Transcript:
    """Read the masked transcript that this run answers, once per round.

    The run's unanswered messages come last, even if others were sent in between. A later message that
    has not joined belongs to the round, or the run, that it joins.
    """
    inputs = list(run.inputs.values_list("message_id", "answered_at", "message__seq"))
    joined = max((seq for _, _, seq in inputs), default=0)
    newest = Message.objects.filter(conversation_id=run.conversation_id).order_by("-seq")
    newest = newest.only("seq", "direction", "sender_type", "masked_body", "metadata")
    rows = list(newest.filter(Q(seq__lte=joined) | Q(direction="out"))[:TRANSCRIPT_LINES])[::-1]
    open_ids = {message_id for message_id, answered, _ in inputs if answered is None}
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
    return Transcript(lines, bool(inputs), named, tuple(row.id for row in ordered))


def why_ended(run: AgentRun) -> str:
    """Return why a run may no longer speak: "taken_over", "closed" or "stopped"; "" if it may."""
    state = Conversation.objects.values_list("state", flat=True).get(pk=run.conversation_id)
    return ENDS.get(state, "") or ("stopped" if is_stopped(run) else "")


def is_stopped(run: AgentRun) -> bool:
    """Return True if the customer stopped the agent after the newest message that the run answers."""
    asked = stopped_at(run.conversation_id)
    if asked is None:
        return False
    newest = run.inputs.aggregate(at=Max("message__created_at"))["at"]
    return newest is None or newest <= asked


def caller_of(run: AgentRun, version: AgentVersion) -> Caller:
    """Return who the run works for.

    Read each time, because memberships and rights can end at any moment.
    A run has the rights of the weakest of its messages: one unverified among them makes it public.
    """
    place = ("contact_id", "contact__user_id", "channel_account__kind", "channel_account__keepers")
    sender = ("inputs__message__sender_verified", "inputs__message__sender_user_id")
    # One row for each message of the run; one with empty senders if there is none.
    rows = list(AgentRun.objects.filter(pk=run.pk).values_list(*(f"conversation__{name}" for name in place), *sender))
    contact_id, user_id, channel, keepers = rows[0][:4]
    senders = {(proven, sender_id) for *_, proven, sender_id in rows if proven is not None}
    verified = bool(senders) and all(proven for proven, _ in senders)
    member = None
    if user_id and senders == {(True, user_id)}:
        member = Membership.objects.filter(user_id=user_id, is_active=True, user__is_active=True).first()
    linkers: tuple[UUID, ...] = ()
    if member:  # also by links that were removed: a link may have been removed and made again for them
        links = AuditEntry.objects.filter(
            object_type="conversations.contact",
            object_id=contact_id,
            action="CONTACT_LINKED",
            facts__user=str(member.user_id),
        )
        people = links.exclude(actor_user_id=None).order_by("actor_user_id")
        linkers = tuple(people.values_list("actor_user_id", flat=True).distinct())
    return Caller(
        conversation_id=run.conversation_id,
        channel=channel,
        verified=verified,
        user_id=member.user_id if member else None,
        permissions=permissions_of(member.role) if member else frozenset(),
        agent_id=version.agent_id,
        agent_type=version.agent.type,
        agent_owner_id=version.agent.owner_id,
        run_id=run.id,
        linker_ids=linkers,
        max_open_approvals=version.max_open_approvals,
        agent_author_ids=authors_of(version.agent),
        channel_keeper_ids=tuple(keepers),
    )


def authors_of(agent: Agent) -> tuple[UUID, ...]:
    """Return everyone who ever wrote an own agent's configuration, or the one it was copied from.

    What any of them wrote may still be in the newest version.
    """
    if agent.is_system:
        return ()
    rows = AgentVersion.objects.filter(agent=agent, author__isnull=False).order_by("author_id")
    earlier = (UUID(person) for person in agent.configuration.get(EARLIER_AUTHORS, ()))
    return tuple(sorted({*rows.values_list("author_id", flat=True), *earlier}))

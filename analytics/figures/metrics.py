"""The metrics: what each figure says, how it is counted, and by what it can be split. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

TEAM: Final = "team"
AGENT: Final = "agent"
PERSON: Final = "person"
CHANNEL: Final = "channel"
KIND: Final = "kind"


class Unit(StrEnum):
    """What a metric counts, which decides what its figure is.

    COUNT and TOKENS: the sum (`Amount.total`), COUNT mostly one for each event. SECONDS: times, with `Amount.average`
    and the quantiles as figures. MONEY: the sum of each currency. LEVEL: samples taken every five minutes, of
    which the average is the figure. MARK: customers' ratings from 1 to 5, of which the average is the figure.
    """

    COUNT = "count"
    SECONDS = "seconds"
    MONEY = "money"
    TOKENS = "tokens"
    LEVEL = "level"
    MARK = "mark"


class Page(StrEnum):
    """The page on which a metric is shown."""

    DESK = "desk"
    APPROVALS = "approvals"
    AGENTS = "agents"
    CHANNELS = "channels"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: `how` says in one sentence how it is counted, `kind` what its values by kind are."""

    key: str
    name: str
    how: str
    page: Page
    unit: Unit = Unit.COUNT
    by: tuple[str, ...] = ()
    kind: str = ""

    @property
    def dimensions(self) -> tuple[str, ...]:
        return (*self.by, KIND) if self.kind else self.by


_TALK: Final = (TEAM, CHANNEL)
# Each page's metrics are counted and split alike unless they say otherwise.
_desk = partial(Metric, page=Page.DESK, by=_TALK)
_approval = partial(Metric, page=Page.APPROVALS, by=(AGENT,))
_agent = partial(Metric, page=Page.AGENTS, by=(AGENT,))
_channel = partial(Metric, page=Page.CHANNELS, by=(CHANNEL,))
_DESK: Final = (
    _desk("conversations_opened", "New conversations", "Conversations that a customer began."),
    _desk(
        "conversations_closed", "Closed conversations", "Conversations that were closed, each time they were.",
        by=(TEAM, PERSON, CHANNEL), kind="resolved or unresolved",
    ),
    _desk(
        "conversations_by_agent", "Handled by an agent alone",
        "Conversations that were closed as resolved without a person having been asked for or having answered.",
    ),
    _desk(
        "conversations_escalated", "Handed to a person", "Times that a conversation went from an agent to a person.",
        kind="reason",
    ),
    _desk(
        "conversations_reopened", "Reopened conversations",
        "Closed conversations that were opened again, by the customer's message or by a colleague.",
    ),
    _desk("messages_in", "Messages received", "Messages of customers."),
    _desk(
        "messages_out", "Messages sent", "Messages to customers by agents and people, without automatic texts.",
        kind="sender",
    ),
    _desk(
        "first_answer_agent", "First answer by an agent",
        "From the customer's first message to the agent's first answer, by the clock.", unit=Unit.SECONDS,
    ),
    _desk(
        "first_answer_person", "First answer by a person",
        "From when a customer began to wait for a person to the person's first answer, by the clock without the time "
        "it was snoozed.", unit=Unit.SECONDS, by=(TEAM, PERSON, CHANNEL),
    ),
    _desk(
        "first_answer_person_working", "First answer by a person, in working time",
        "The same wait as by the clock, counted in the working time of the conversation's team.",
        unit=Unit.SECONDS, by=(TEAM, PERSON, CHANNEL),
    ),
    _desk(
        "resolution", "Time to resolution",
        "From when a conversation was begun to when it was closed as resolved, by the clock.", unit=Unit.SECONDS,
    ),
    _desk(
        "resolution_working", "Time to resolution, in working time",
        "The same time as by the clock, counted in the working time of the conversation's team.", unit=Unit.SECONDS,
    ),
    _desk(
        "backlog", "Waiting for a person",
        "Conversations that waited for a person without one being assigned: the average of samples taken every five "
        "minutes.", unit=Unit.LEVEL, by=(TEAM,),
    ),
    _desk(
        "utilisation", "Utilisation",
        "Open conversations of available people as a share of what they can have at once: the average of samples taken "
        "every five minutes.", unit=Unit.LEVEL, by=(TEAM, PERSON),
    ),
    _desk(
        "surveys_asked", "Ratings asked for", "Closed conversations whose customer was asked for a rating.",
        by=(TEAM, PERSON, CHANNEL),
    ),
    _desk(
        "marks", "Ratings", "Ratings from 1 to 5 that customers gave, counted when they answered first.",
        unit=Unit.MARK, by=(TEAM, PERSON, CHANNEL), kind="rating",
    ),
)  # fmt: skip
_HITL: Final = (
    _approval(
        "requests", "Requests", "Requests for approval, when they were made.", by=(AGENT, CHANNEL), kind="action",
    ),
    _approval(
        "requests_by_risk", "Requests by risk", "Requests for approval by the risk they had when they were made.",
        by=(), kind="risk",
    ),
    _approval(
        "requests_in_conversations", "Requests from conversations",
        "Requests for approval that came from a conversation. Divided by closed conversations, it is requests per "
        "conversation.", by=(AGENT, CHANNEL),
    ),
    _approval("requests_ended", "Ended requests", "Requests that reached a final state, by that state.", kind="state"),
    _approval(
        "decisions", "Decided requests", "Requests that were approved or rejected, by people or automatically.",
        by=(AGENT, PERSON), kind="verdict",
    ),
    _approval(
        "decisions_automatic", "Decided automatically",
        "Requests that a rule approved. Divided by decided requests, it is the automatic share.", kind="action",
    ),
    _approval(
        "approvals_by", "Approvals by approver", "Approving votes of people, by the person who gave them.",
        by=(PERSON,),
    ),
    _approval(
        "overrides", "Emergency overrides", "Requests that were approved by an emergency override.",
        by=(PERSON,), kind="action",
    ),
    _approval(
        "rejected_after_edit", "Rejected after an edit",
        "Requests that were rejected although their content had been edited to get them approved.", kind="action",
    ),
    _approval(
        "first_view", "Time to first view",
        "From the request to when an approver other than the requester first opened it while it waited, by the clock.",
        unit=Unit.SECONDS, kind="risk",
    ),
    _approval(
        "decision", "Time to decision", "From the request to the decision of people, by the clock.",
        unit=Unit.SECONDS, kind="risk",
    ),
    _approval(
        "execution", "Time to execution", "From the decision to when the action was done, by the clock.",
        unit=Unit.SECONDS, kind="action",
    ),
    _approval(
        "decided_in_time", "Decided in time", "Levels that were decided before their deadline, by level.",
        by=(), kind="level",
    ),
    _approval(
        "decided_late", "Decided late", "Levels that were decided after their deadline or ran out, by level.",
        by=(), kind="level",
    ),
    _approval(
        "cost_approved", "Cost approved", "What approved requests cost by their own figures.",
        unit=Unit.MONEY, kind="action",
    ),
    _approval(
        "cost_rejected", "Cost rejected", "What rejected requests would have cost by their own figures.",
        unit=Unit.MONEY, kind="action",
    ),
)  # fmt: skip
_AGENTS: Final = (
    _agent("runs", "Agent runs", "Agent runs that ended, by how they did.", kind="outcome"),
    _agent(
        "run_time", "Run latency", "From when an agent run began to when it ended, by the clock.",
        unit=Unit.SECONDS,
    ),
    _agent(
        "answers_refused", "Answers held back", "Answers of agents that a check refused, by the reason.", kind="reason",
    ),
    _agent("model_calls", "Model calls", "Calls of language models, failed ones too, by model.", kind="model"),
    _agent("model_failures", "Failed model calls", "Calls of language models that failed, by model.", kind="model"),
    _agent(
        "model_time", "Model latency", "How long calls of language models took, by model.",
        unit=Unit.SECONDS, kind="model",
    ),
    _agent("tokens_in", "Tokens read", "Tokens that language models read, by model.", unit=Unit.TOKENS, kind="model"),
    _agent(
        "tokens_out", "Tokens written", "Tokens that language models wrote, by model.", unit=Unit.TOKENS, kind="model",
    ),
    _agent(
        "model_cost", "Model cost", "What calls of language models cost by the price of their model.",
        unit=Unit.MONEY, kind="model",
    ),
    _agent("tool_calls", "Tool calls", "Tool calls of agents, by tool.", kind="tool"),
    _agent(
        "tool_failures", "Failed tool calls", "Tool calls of agents that failed or were refused, by tool.",
        kind="tool",
    ),
    _agent("tool_time", "Tool latency", "How long tool calls took, by tool.", unit=Unit.SECONDS, kind="tool"),
)  # fmt: skip
_CHANNELS: Final = (
    _channel("deliveries", "Sent messages", "Messages to customers that a channel took, each once."),
    _channel("delivered", "Delivered messages", "Messages to customers that arrived, as the channel reports."),
    _channel(
        "delivery_failures", "Failed messages", "Messages to customers that could not be delivered, by the code.",
        kind="code",
    ),
    _channel(
        "provider_calls", "Provider calls",
        "Times that a channel's provider was asked to send a message, each attempt, by provider.", kind="provider",
    ),
    _channel(
        "provider_failures", "Failed provider calls",
        "Attempts to send that a provider refused or did not answer, tried again later or not, by provider.",
        kind="provider",
    ),
    _channel(
        "provider_time", "Provider latency", "How long a provider took to answer an attempt to send, by provider.",
        unit=Unit.SECONDS, kind="provider",
    ),
)  # fmt: skip
METRICS: Final[dict[str, Metric]] = {metric.key: metric for metric in (*_DESK, *_HITL, *_AGENTS, *_CHANNELS)}


def has_dimension(metrics: Iterable[str], dimension: str) -> bool:
    """Return True if all of the metrics can be split by a dimension."""
    return dimension == "total" or all(dimension in METRICS[key].dimensions for key in metrics)

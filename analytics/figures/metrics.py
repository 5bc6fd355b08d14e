"""The metrics: what each figure says, how it is counted, and by what it can be split. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
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
    which the average is the figure. MARK: customers' marks from 1 to 5, of which the average is the figure.
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
_DESK: Final = (
    Metric(
        "conversations_opened", "New conversations", "Conversations that a customer began.",
        Page.DESK, by=_TALK,
    ),
    Metric(
        "conversations_closed", "Closed conversations", "Conversations that were closed, each time they were.",
        Page.DESK, by=(TEAM, PERSON, CHANNEL), kind="resolved or unresolved",
    ),
    Metric(
        "conversations_by_agent", "Handled by an agent alone",
        "Conversations that were closed as resolved without a person having been asked for or having answered.",
        Page.DESK, by=_TALK,
    ),
    Metric(
        "conversations_escalated", "Handed to a person", "Times that a conversation went from an agent to a person.",
        Page.DESK, by=_TALK, kind="reason",
    ),
    Metric(
        "conversations_reopened", "Reopened conversations",
        "Closed conversations that were opened again, by the customer's message or by a colleague.",
        Page.DESK, by=_TALK,
    ),
    Metric(
        "messages_in", "Messages received", "Messages of customers.", Page.DESK, by=_TALK,
    ),
    Metric(
        "messages_out", "Messages sent", "Messages to customers by agents and people, without automatic texts.",
        Page.DESK, by=_TALK, kind="sender",
    ),
    Metric(
        "first_answer_agent", "First answer by an agent",
        "From the customer's first message to the agent's first answer, by the clock.",
        Page.DESK, Unit.SECONDS, _TALK,
    ),
    Metric(
        "first_answer_person", "First answer by a person",
        "From when a customer began to wait for a person to the person's first answer, by the clock without the time "
        "it was snoozed.",
        Page.DESK, Unit.SECONDS, (TEAM, PERSON, CHANNEL),
    ),
    Metric(
        "first_answer_person_working", "First answer by a person, in working time",
        "The same wait as by the clock, counted in the working time of the conversation's team.",
        Page.DESK, Unit.SECONDS, (TEAM, PERSON, CHANNEL),
    ),
    Metric(
        "resolution", "Time to resolution",
        "From when a conversation was begun to when it was closed as resolved, by the clock.",
        Page.DESK, Unit.SECONDS, _TALK,
    ),
    Metric(
        "resolution_working", "Time to resolution, in working time",
        "The same time as by the clock, counted in the working time of the conversation's team.",
        Page.DESK, Unit.SECONDS, _TALK,
    ),
    Metric(
        "backlog", "Waiting for a person",
        "Conversations that waited for a person without one being assigned: the average of samples taken every five "
        "minutes.",
        Page.DESK, Unit.LEVEL, (TEAM,),
    ),
    Metric(
        "utilisation", "Utilisation",
        "Open conversations of available people as a share of what they can have at once: the average of samples taken "
        "every five minutes.",
        Page.DESK, Unit.LEVEL, (TEAM, PERSON),
    ),
    Metric(
        "surveys_asked", "Ratings asked for", "Closed conversations whose customer was asked for a mark.",
        Page.DESK, by=(TEAM, PERSON, CHANNEL),
    ),
    Metric(
        "marks", "Marks", "Marks from 1 to 5 that customers gave, counted when they answered first.",
        Page.DESK, Unit.MARK, (TEAM, PERSON, CHANNEL), "mark",
    ),
)  # fmt: skip
_HITL: Final = (
    Metric(
        "requests", "Requests", "Requests for approval, when they were made.",
        Page.APPROVALS, by=(AGENT, CHANNEL), kind="action",
    ),
    Metric(
        "requests_by_risk", "Requests by risk", "Requests for approval by the risk they had when they were made.",
        Page.APPROVALS, kind="risk",
    ),
    Metric(
        "requests_in_conversations", "Requests from conversations",
        "Requests for approval that came from a conversation. Divided by closed conversations, it is requests per "
        "conversation.",
        Page.APPROVALS, by=(AGENT, CHANNEL),
    ),
    Metric(
        "requests_ended", "Ended requests", "Requests that reached a final state, by that state.",
        Page.APPROVALS, by=(AGENT,), kind="state",
    ),
    Metric(
        "decisions", "Decided requests", "Requests that were approved or rejected, by people or automatically.",
        Page.APPROVALS, by=(AGENT, PERSON), kind="verdict",
    ),
    Metric(
        "decisions_automatic", "Decided automatically",
        "Requests that a rule approved. Divided by decided requests, it is the automatic share.",
        Page.APPROVALS, by=(AGENT,), kind="action",
    ),
    Metric(
        "approvals_by", "Approvals by approver", "Approving votes of people, by the person who gave them.",
        Page.APPROVALS, by=(PERSON,),
    ),
    Metric(
        "overrides", "Emergency overrides", "Requests that were approved by an emergency override.",
        Page.APPROVALS, by=(PERSON,), kind="action",
    ),
    Metric(
        "rejected_after_edit", "Rejected after an edit",
        "Requests that were rejected although their content had been edited to get them approved.",
        Page.APPROVALS, by=(AGENT,), kind="action",
    ),
    Metric(
        "first_view", "Time to first view",
        "From the request to when an approver other than the requester first opened it while it waited, by the clock.",
        Page.APPROVALS, Unit.SECONDS, (AGENT,), "risk",
    ),
    Metric(
        "decision", "Time to decision", "From the request to the decision of people, by the clock.",
        Page.APPROVALS, Unit.SECONDS, (AGENT,), "risk",
    ),
    Metric(
        "execution", "Time to execution", "From the decision to when the action was done, by the clock.",
        Page.APPROVALS, Unit.SECONDS, (AGENT,), "action",
    ),
    Metric(
        "decided_in_time", "Decided in time", "Levels that were decided before their deadline, by level.",
        Page.APPROVALS, kind="level",
    ),
    Metric(
        "decided_late", "Decided late", "Levels that were decided after their deadline or ran out, by level.",
        Page.APPROVALS, kind="level",
    ),
    Metric(
        "cost_approved", "Cost approved", "What approved requests cost by their own figures.",
        Page.APPROVALS, Unit.MONEY, (AGENT,), "action",
    ),
    Metric(
        "cost_rejected", "Cost rejected", "What rejected requests would have cost by their own figures.",
        Page.APPROVALS, Unit.MONEY, (AGENT,), "action",
    ),
)  # fmt: skip
_AGENTS: Final = (
    Metric(
        "runs", "Runs of agents", "Runs of agents that ended, by how they did.",
        Page.AGENTS, by=(AGENT,), kind="outcome",
    ),
    Metric(
        "run_time", "Time of a run", "From when a run of an agent began to when it ended, by the clock.",
        Page.AGENTS, Unit.SECONDS, (AGENT,),
    ),
    Metric(
        "answers_refused", "Answers held back",
        "Answers of agents that a check refused, by the reason.",
        Page.AGENTS, by=(AGENT,), kind="reason",
    ),
    Metric(
        "model_calls", "Calls of models", "Calls of language models, failed ones too, by model.",
        Page.AGENTS, by=(AGENT,), kind="model",
    ),
    Metric(
        "model_failures", "Failed calls of models", "Calls of language models that failed, by model.",
        Page.AGENTS, by=(AGENT,), kind="model",
    ),
    Metric(
        "model_time", "Time of a model", "How long calls of language models took, by model.",
        Page.AGENTS, Unit.SECONDS, (AGENT,), "model",
    ),
    Metric(
        "tokens_in", "Tokens read", "Tokens that language models read, by model.",
        Page.AGENTS, Unit.TOKENS, (AGENT,), "model",
    ),
    Metric(
        "tokens_out", "Tokens written", "Tokens that language models wrote, by model.",
        Page.AGENTS, Unit.TOKENS, (AGENT,), "model",
    ),
    Metric(
        "model_cost", "Cost of models", "What calls of language models cost by the price of their model.",
        Page.AGENTS, Unit.MONEY, (AGENT,), "model",
    ),
    Metric(
        "tool_calls", "Calls of tools", "Calls of tools by agents, by tool.",
        Page.AGENTS, by=(AGENT,), kind="tool",
    ),
    Metric(
        "tool_failures", "Failed calls of tools", "Calls of tools by agents that failed or were refused, by tool.",
        Page.AGENTS, by=(AGENT,), kind="tool",
    ),
    Metric(
        "tool_time", "Time of a tool", "How long calls of tools took, by tool.",
        Page.AGENTS, Unit.SECONDS, (AGENT,), "tool",
    ),
)  # fmt: skip
_CHANNELS: Final = (
    Metric(
        "deliveries", "Sent messages", "Messages to customers that a channel took, each once.",
        Page.CHANNELS, by=(CHANNEL,),
    ),
    Metric(
        "delivered", "Delivered messages", "Messages to customers that arrived, as the channel reports.",
        Page.CHANNELS, by=(CHANNEL,),
    ),
    Metric(
        "delivery_failures", "Failed messages", "Messages to customers that could not be delivered, by the code.",
        Page.CHANNELS, by=(CHANNEL,), kind="code",
    ),
    Metric(
        "provider_calls", "Calls of providers",
        "Times that a channel's provider was asked to send a message, each attempt, by provider.",
        Page.CHANNELS, by=(CHANNEL,), kind="provider",
    ),
    Metric(
        "provider_failures", "Failed calls of providers",
        "Attempts to send that a provider refused or did not answer, tried again later or not, by provider.",
        Page.CHANNELS, by=(CHANNEL,), kind="provider",
    ),
    Metric(
        "provider_time", "Time of a provider", "How long a provider took to answer an attempt to send, by provider.",
        Page.CHANNELS, Unit.SECONDS, (CHANNEL,), "provider",
    ),
)  # fmt: skip
METRICS: Final[dict[str, Metric]] = {metric.key: metric for metric in (*_DESK, *_HITL, *_AGENTS, *_CHANNELS)}


def metrics_of(page: Page) -> list[Metric]:
    """Return the metrics of a page, in order."""
    return [metric for metric in METRICS.values() if metric.page == page]


def has_dimension(metrics: Iterable[str], dimension: str) -> bool:
    """Return True if all of the metrics can be split by a dimension."""
    return dimension == "total" or all(dimension in METRICS[key].dimensions for key in metrics)

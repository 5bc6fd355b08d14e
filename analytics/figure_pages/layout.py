"""What each page of figures shows, in order. Pure."""

from dataclasses import dataclass
from itertools import chain
from typing import Final, Literal

from analytics.figures.metrics import AGENT, CHANNEL, KIND, PERSON, TEAM
from console.base.units import Unit

Better = Literal["more", "less", ""]


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure of the span: a sum, an average, or the median of times. `better` decides a change's colour."""

    metric: str
    better: Better = ""
    shown_as: Unit | None = None

    @property
    def key(self) -> str:
        return self.metric


@dataclass(frozen=True, slots=True)
class Ratio:
    """One figure divided by others; `unit` is a share, or a number for each."""

    key: str
    name: str
    how: str
    part: str
    whole: tuple[str, ...]
    unit: Unit = "share"
    better: Better = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of a chart, with its name there and its colour."""

    metric: str
    name: str
    tone: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Metrics of one unit over the span."""

    key: str
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """A metric told apart by a dimension, largest first."""

    key: str
    title: str
    metric: str
    dimension: str


@dataclass(frozen=True, slots=True)
class Funnel:
    """What becomes of something, step by step, and why the rest is `lost`; the reasons are codes of providers."""

    key: str
    title: str
    steps: tuple[str, ...]
    lost: str


@dataclass(frozen=True, slots=True)
class Group:
    """Figures, charts and rankings about one thing."""

    title: str
    tiles: tuple[Tile | Ratio, ...] = ()
    charts: tuple[Chart, ...] = ()
    rankings: tuple[Ranking, ...] = ()
    funnel: Funnel | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page: four headline figures and groups; `filters` are dimensions that narrow all of it, one at a time."""

    key: str
    label: str
    intro: str
    headline: tuple[Tile | Ratio, ...]
    groups: tuple[Group, ...]
    filters: tuple[str, ...]

    @property
    def tiles(self) -> tuple[Tile | Ratio, ...]:
        return (*self.headline, *chain.from_iterable(group.tiles for group in self.groups))

    @property
    def charts(self) -> tuple[Chart, ...]:
        return tuple(chain.from_iterable(group.charts for group in self.groups))

    @property
    def rankings(self) -> tuple[Ranking, ...]:
        return tuple(chain.from_iterable(group.rankings for group in self.groups))

    def shows(self, metric: str) -> bool:
        """Return True if a figure, a chart or a ranking of it counts this metric."""
        tiles = {key for tile in self.tiles for key in ([tile.metric] if isinstance(tile, Tile) else [tile.part])}
        charts = {row.metric for chart in self.charts for row in chart.rows}
        return metric in tiles | charts | {ranking.metric for ranking in self.rankings}


_BY_AGENT_ALONE: Final = Ratio(
    "agent_alone_share", "Handled by an agent alone",
    "Conversations closed as resolved without a person, divided by all closed ones.",
    "conversations_by_agent", ("conversations_closed",), better="more",
)  # fmt: skip
DESK: Final = Page(
    "conversations", "Conversations", "How customers are answered: how quickly, who by, and how they liked it.",
    (
        Tile("conversations_opened"), Tile("first_answer_person", "less"), _BY_AGENT_ALONE, Tile("marks", "more"),
    ),
    (
        Group(
            "Volume",
            (
                Tile("conversations_closed"), Tile("conversations_reopened", "less"), Tile("messages_in"),
                Tile("messages_out"),
            ),
            (
                Chart("conversations", "Conversations", (
                    Row("conversations_opened", "New", "info"), Row("conversations_closed", "Closed", "good"),
                )),
                Chart("messages", "Messages", (
                    Row("messages_in", "Received", "info"), Row("messages_out", "Sent", "accent"),
                )),
            ),
            (
                Ranking("by_channel", "New by channel", "conversations_opened", CHANNEL),
                Ranking("by_team", "Closed by team", "conversations_closed", TEAM),
                Ranking("by_person", "Closed by person", "conversations_closed", PERSON),
            ),
        ),
        Group(
            "Waiting",
            (
                Tile("first_answer_agent", "less"), Tile("first_answer_person_working", "less"),
                Tile("resolution", "less"), Tile("conversations_escalated", "less"), Tile("backlog", "less"),
                Tile("utilisation", shown_as="share"),
            ),
            (
                Chart("answers", "First answer, on average", (
                    Row("first_answer_person", "By a person", "accent"),
                    Row("first_answer_agent", "By an agent", "info"),
                )),
                Chart("backlog", "Waiting for a person, on average", (Row("backlog", "Waiting", "warn"),)),
            ),
            (Ranking("reasons", "Why a person was asked", "conversations_escalated", KIND),),
        ),
        Group(
            "Satisfaction",
            (
                Ratio(
                    "answered_share", "Answered ratings",
                    "Ratings that customers gave, divided by how many were asked for one.",
                    "marks", ("surveys_asked",), better="more",
                ),
            ),
            (Chart("marks", "Ratings, on average", (Row("marks", "Rating", "good"),)),),
            (Ranking("ratings", "Ratings, how many of each", "marks", KIND),),
        ),
    ),
    (TEAM, CHANNEL),
)  # fmt: skip
APPROVALS: Final = Page(
    "approvals", "Approvals", "What was requested, how it was decided, and how long people waited for it.",
    (
        Tile("requests"), Tile("decision", "less"),
        Ratio(
            "in_time_share", "Decided in time", "Levels decided before their deadline, divided by all that had one.",
            "decided_in_time", ("decided_in_time", "decided_late"), better="more",
        ),
        Tile("cost_approved"),
    ),
    (
        Group(
            "Requests",
            (
                Tile("decisions"),
                Ratio(
                    "automatic_share", "Decided automatically",
                    "Requests that a rule approved, divided by all decided ones.",
                    "decisions_automatic", ("decisions",),
                ),
                Ratio(
                    "requests_each", "Requests per conversation",
                    "Requests that came from a conversation, divided by the conversations closed.",
                    "requests_in_conversations", ("conversations_closed",), "level",
                ),
                Tile("cost_rejected"),
            ),
            (
                Chart("requests", "Requests", (
                    Row("requests", "Requested", "info"), Row("decisions", "Decided", "good"),
                )),
                Chart("cost", "Cost approved", (Row("cost_approved", "Approved", "good"),)),
            ),
            (
                Ranking("actions", "Requests by action", "requests", KIND),
                Ranking("risks", "Requests by risk", "requests_by_risk", KIND),
                Ranking("states", "Ended requests by state", "requests_ended", KIND),
                Ranking("agents", "Requests by agent", "requests", AGENT),
            ),
        ),
        Group(
            "Speed",
            (Tile("first_view", "less"), Tile("execution", "less")),
            (
                Chart("decision", "Time to first view, decision and execution, on average", (
                    Row("first_view", "First view", "good"), Row("decision", "Decision", "accent"),
                    Row("execution", "Execution", "info"),
                )),
                Chart("deadlines", "Deadlines", (
                    Row("decided_in_time", "In time", "good"), Row("decided_late", "Late", "danger"),
                )),
            ),
            (Ranking("late", "Late by level", "decided_late", KIND),),
        ),
        Group(
            "Oversight",
            (Tile("overrides", "less"), Tile("rejected_after_edit", "less")),
            rankings=(Ranking("approvers", "Top approvers", "approvals_by", PERSON),),
        ),
    ),
    (AGENT,),
)  # fmt: skip
AGENTS: Final = Page(
    "agents", "Agents and cost", "What agents did, what it cost, and what the checks held back.",
    (
        Tile("runs"), Tile("model_cost", "less"), Tile("run_time", "less"), Tile("answers_refused", "less"),
    ),
    (
        Group(
            "Runs",
            charts=(
                Chart("runs", "Agent runs", (
                    Row("runs", "Runs", "info"), Row("answers_refused", "Held back", "warn"),
                )),
                Chart("times", "Latency, on average", (
                    Row("run_time", "Run", "accent"), Row("model_time", "Model", "info"),
                )),
            ),
            rankings=(
                Ranking("by_agent", "Runs by agent", "runs", AGENT),
                Ranking("refused", "Answers held back by reason", "answers_refused", KIND),
            ),
        ),
        Group(
            "Models",
            (
                Tile("model_calls"), Tile("model_time", "less"), Tile("tokens_in"), Tile("tokens_out"),
                Ratio(
                    "model_failure_share", "Failed model calls", "Failed model calls, divided by all of them.",
                    "model_failures", ("model_calls",), better="less",
                ),
            ),
            (
                Chart("cost", "Model cost", (Row("model_cost", "Cost", "accent"),)),
                Chart("tokens", "Tokens", (Row("tokens_in", "Read", "info"), Row("tokens_out", "Written", "accent"))),
            ),
            (
                Ranking("cost_by_agent", "Cost by agent", "model_cost", AGENT),
                Ranking("cost_by_model", "Cost by model", "model_cost", KIND),
            ),
        ),
        Group(
            "Tools",
            (
                Tile("tool_calls"),
                Ratio(
                    "tool_failure_share", "Failed tool calls", "Failed tool calls, divided by all of them.",
                    "tool_failures", ("tool_calls",), better="less",
                ),
            ),
            rankings=(
                Ranking("tools", "Calls by tool", "tool_calls", KIND),
                Ranking("tool_failures", "Failed calls by tool", "tool_failures", KIND),
            ),
        ),
    ),
    (AGENT,),
)  # fmt: skip
CHANNELS: Final = Page(
    "channels", "Channels", "Whether what is sent arrives, and why if it does not.",
    (
        Tile("messages_in"), Tile("deliveries"),
        Ratio(
            "failed_share", "Failed messages", "Messages that failed, divided by those sent and those that failed.",
            "delivery_failures", ("deliveries", "delivery_failures"), better="less",
        ),
        Tile("provider_time", "less"),
    ),
    (
        Group(
            "Delivery",
            (Tile("delivered"), Tile("delivery_failures", "less")),
            (
                Chart("deliveries", "Sent and failed", (
                    Row("deliveries", "Sent", "info"), Row("delivery_failures", "Failed", "danger"),
                )),
            ),
            (Ranking("failed", "Failed by channel", "delivery_failures", CHANNEL),),
            Funnel("delivery", "From sent to delivered", ("deliveries", "delivered"), "delivery_failures"),
        ),
        Group(
            "Traffic",
            (Tile("messages_out"),),
            (
                Chart("messages", "Messages", (
                    Row("messages_in", "Received", "info"), Row("messages_out", "Sent", "accent"),
                )),
            ),
            (
                Ranking("sent", "Sent by channel", "deliveries", CHANNEL),
                Ranking("received", "Received by channel", "messages_in", CHANNEL),
            ),
        ),
        Group(
            "Providers",
            (
                Tile("provider_calls"),
                Ratio(
                    "provider_failure_share", "Failed provider calls", "Failed provider calls, divided by all of them.",
                    "provider_failures", ("provider_calls",), better="less",
                ),
            ),
            (Chart("providers", "Latency of providers, on average", (Row("provider_time", "Answer", "accent"),)),),
            (
                Ranking("providers", "Calls by provider", "provider_calls", KIND),
                Ranking("provider_failures", "Failed calls by provider", "provider_failures", KIND),
            ),
        ),
    ),
    (CHANNEL,),
)  # fmt: skip
PAGES: Final[dict[str, Page]] = {page.key: page for page in (DESK, APPROVALS, AGENTS, CHANNELS)}

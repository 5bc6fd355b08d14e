"""The ports of an agent: the orchestrator decides a turn, the model writes it, rules choose who answers."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from core.text.speech import gettext_noop

Role = Literal["user", "assistant", "tool"]
Stop = Literal["end", "tool_calls", "length", "refusal", "cut"]
WHOLE: Final[frozenset[Stop]] = frozenset({"end", "tool_calls"})
"""How a complete answer ends. Any other was cut: by length, by a filter, or without a word about why."""
MOST_TOKENS: Final = 2**31 - 1
TOO_SLOW: Final = "too_slow"
RATE_LIMITED: Final = "model_rate_limited"
OVERLOADED: Final = "model_overloaded"
UNAVAILABLE: Final = "model_unavailable"
UNREACHABLE: Final = "model_unreachable"
REJECTED: Final = "model_rejected"
NOT_CONFIGURED: Final = "model_not_configured"
ANSWER_CUT: Final = "answer_cut"
Emit = Callable[[str], None]
BRIEF_TOOL: Final = "daily_brief"
"""The tool that returns the findings of a daily brief; a model that is offered it writes the summary."""
BRIEF_ADVICE: Final = 4
SEARCH_TOOL: Final = "search_knowledge"
ANSWER_TOOL: Final = "answer"
"""The tool that gives an answer in parts with the numbers of their sources; its call ends the turn."""

ASKS: Final = gettext_noop("An approver has a question about")
"""How our message begins that hands an approver's question to the requester."""
NEEDS_APPROVAL: Final = gettext_noop("This needs approval:")
"""How our answer to a request begins, which only the tool that makes one writes."""
SENT_BACK: Final = gettext_noop("was sent back for changes")
"""What our message says of a request that an approver sent back, after its name."""


@dataclass(frozen=True)
class ToolSpec:
    """The description of a tool that a model may call."""

    name: str
    title: str
    description: str
    parameters: Mapping[str, Any]
    acting: bool = False


@dataclass(frozen=True)
class ToolRequest:
    """One call a model asks for; `error` says why the arguments could not be read."""

    call_id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Line:
    """One line of the exchange a model sees; a tool line answers `call_id`."""

    role: Role
    text: str
    tool_requests: tuple[ToolRequest, ...] = ()
    call_id: str = ""
    tool_name: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    from_colleague: bool = False


@dataclass(frozen=True)
class Usage:
    """Tokens that a model reports as used, as far as a column holds them; zero where it reports none.

    Cached tokens are part of the input.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0

    def plus(self, other: Usage) -> Usage:
        return Usage(
            min(self.input_tokens + other.input_tokens, MOST_TOKENS),
            min(self.output_tokens + other.output_tokens, MOST_TOKENS),
            min(self.cached_tokens + other.cached_tokens, MOST_TOKENS),
        )


@dataclass(frozen=True)
class Turn:
    """What a model answered: text, calls, or both."""

    text: str
    tool_requests: tuple[ToolRequest, ...] = ()
    usage: Usage = field(default_factory=Usage)
    stop: Stop = "end"


class ModelFailed(Exception):
    """A model could not answer; `code` is short, stable and free of personal data."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Model(abc.ABC):
    """Produces one turn from the lines so far and the tools on offer."""

    key: str
    until: float | None = None
    """The end of the time for all turns, by `time.monotonic`; a model that waits for others has to keep it."""

    @abc.abstractmethod
    def turn(self, lines: Sequence[Line], tools: Sequence[ToolSpec], *, prompt: str, emit: Emit) -> Turn:
        """Answer once; `emit` takes pieces of text as they arrive. Raises `ModelFailed`."""


@dataclass(frozen=True)
class RunContext:
    """What an orchestrator needs to know about the run."""

    run_id: UUID
    prompt: str
    lines: tuple[Line, ...]
    tools: tuple[ToolSpec, ...]
    max_rounds: int
    version_id: UUID | None = None
    until: float = math.inf
    """The end of the turn's time, by `time.monotonic`."""
    look: Callable[[], None] = lambda: None
    """Checks that the turn may go on; raises if not."""
    glance: Callable[[], None] = lambda: None
    """The same, several times a second at most: before each piece of text that arrives."""


class Topic(NamedTuple):
    """What a person's newest messages are about: a tool, and the type of the agent that knows it best, if any."""

    tool: str
    agent_type: str = ""


class TopicChoice(abc.ABC):
    """Finds by rules what the newest messages are about, for conversations of every model."""

    @abc.abstractmethod
    def topic(self, lines: Sequence[Line]) -> Topic | None:
        """Return the topic of the lines since our last answer, or None when it is unclear."""


class AnswerMatcher(abc.ABC):
    """Finds by rules whether somebody's newest messages answer an approver, for conversations of every model."""

    @abc.abstractmethod
    def question_answered(self, lines: Sequence[tuple[Role, str]]) -> str:
        """Return the reference of the request whose question the newest lines answer, or ""."""


CallTools = Callable[[Sequence[ToolRequest], int], list[Line]]
"""Performs the calls of one round, and returns their lines in the same order."""


@dataclass(frozen=True)
class Source:
    """A source of an answer: the number that people see, and the passage that the run was given."""

    number: int
    passage_id: UUID


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: the answer for the person, or the code of a failure."""

    text: str
    rounds: int
    usage: Usage = field(default_factory=Usage)
    error: str = ""
    sources: tuple[Source, ...] = ()
    redacted: Mapping[str, int] = field(default_factory=dict)
    """How many personal values of each kind a model got placeholders for."""


class Orchestrator(abc.ABC):
    """Decides what happens in a turn.

    That is which calls, in which order, and the final text.
    `emit` streams pieces of text as they arrive. The outcome of a request is reported without an
    orchestrator: that text is built from the approval itself, and a model might embellish it.
    """

    key: str

    @abc.abstractmethod
    def run(self, context: RunContext, *, call_tools: CallTools, emit: Emit) -> RunOutcome:
        """Run one turn to its end; every tool call goes through `call_tools`."""

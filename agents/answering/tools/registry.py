"""The base class of tools, who may use them, and the registered tools."""

import abc
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal, TypeVar
from uuid import UUID

from pydantic import Field, ValidationError

from agents.knowledge.search.search import has_knowledge
from agents.llm.ports import ANSWER_TOOL, SEARCH_TOOL, ToolSpec
from core.actors import Actor
from core.registry import Registry
from hitl.actions.base import Params
from integrations.ports import Arguments as Arguments  # noqa: PLC0414  (what tools take)

Audience = Literal["public", "verified", "member"]
PROPOSE = "hitl.propose_approval"
NOT_CURRENT: Final = "not_current"
"""Under it a result says that the system did not answer, and how old its values are."""
FOR_EVERY_AGENT = (
    "bring_person", "list_abilities", "withdraw_request", "answer_approvers", "resubmit_request",
    "what_is_waiting", "what_happened", SEARCH_TOOL, ANSWER_TOOL,
)  # fmt: skip
"""Tools of every agent version: anyone can reach a colleague and manage their own requests."""


class OneRequest(Arguments):
    """Which request."""

    reference: str = Field(pattern=r"^BR-\d{1,18}$", description='Its reference, for example "BR-1001"')


@dataclass(frozen=True)
class Caller:
    """Who a tool works for.

    These are the contact behind the conversation and the agent in between.
    `user_id` is only set for an active member; `permissions` are those of the member's role.
    `collection_ids` are the collections of documents that the agent answers from, none for all;
    with `asks_judge` a model is asked whether they answer.
    `contact_id` is whose conversation it is; `other_teams` are the agent's tools that are only for the conversations of
    other teams.
    `linker_ids` are the people who linked the contact to this member, `agent_author_ids` those who configured
    the agent, and `channel_keeper_ids` those who know the secrets by which the channel identifies senders.
    """

    conversation_id: UUID
    channel: str
    verified: bool
    user_id: UUID | None
    permissions: frozenset[str]
    agent_id: UUID
    agent_type: str
    agent_owner_id: UUID | None
    run_id: UUID
    linker_ids: tuple[UUID, ...] = ()
    collection_ids: tuple[UUID, ...] = ()
    asks_judge: bool = False
    max_open_approvals: int | None = None
    agent_author_ids: tuple[UUID, ...] = ()
    channel_keeper_ids: tuple[UUID, ...] = ()
    contact_id: UUID | None = None
    other_teams: frozenset[str] = frozenset()

    @property
    def is_member(self) -> bool:
        return self.user_id is not None

    @property
    def reads(self) -> str:
        """Return which collections of documents the caller gets answers from."""
        return "members" if self.is_member else "verified" if self.verified else "public"

    @cached_property
    def has_knowledge(self) -> bool:
        """Return True if there is any document that the caller gets answers from. One query."""
        return has_knowledge(self.reads, self.collection_ids)


def requester_through(caller: Caller, *permissions: str) -> Actor:
    """Return the agent acting for the member, limited to these of the member's permissions."""
    return Actor(
        kind="agent",
        id=caller.agent_id,
        user_id=caller.user_id,
        role="agent",
        name=caller.agent_type,
        permissions=caller.permissions & frozenset(permissions),
    )


@cache
def _schema(arguments: type[Params]) -> Mapping[str, Any]:
    """Return the JSON schema. Cached because building it takes longer than the built-in model."""
    return MappingProxyType(arguments.model_json_schema())


class Tool(abc.ABC):
    """Something an agent can call; `ability` completes the sentence "I can …"."""

    key: str
    title: str
    description: str
    ability: str
    audience: ClassVar[Audience]
    acting: ClassVar[bool] = False
    only_reads: ClassVar[bool] = False
    """True for a tool that changes nothing, so that a call that was interrupted may simply be made again."""
    needs: ClassVar[str] = ""
    """The permission that the member's role needs; empty if every caller of the audience may use it."""
    changes: ClassVar[bool] = False
    """It has an effect beyond its result, so it is not run after a foreign text was read."""
    outside: ClassVar[bool] = False
    """It reads from another system: beside others of its round, with a time-out, a breaker and one retry."""
    has_runner: ClassVar[bool] = False
    """Its calls have a time-out, attempts, a breaker and a last value by themselves."""
    seconds: ClassVar[float] = 10.0
    """How long a reading from outside may take."""
    per_hour: ClassVar[int] = 10
    """How often it runs in a conversation within an hour; 0 for no limit."""
    counted_as: ClassVar[str] = ""
    """The name under which its calls count together with those of others; its own key if it is empty.

    Those that have one count per contact and per agent as well.
    """
    kept_seconds: int = 0
    """How long an equal reading is answered from the cache; only for what every caller of the audience may see."""
    largest: ClassVar[int] = 8192
    """The most bytes of its arguments."""
    arguments: type[Params] = Arguments

    @abc.abstractmethod
    def call(self, arguments: Any, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        """Run the tool and return JSON. Raises `WalkerError` with a detail that the model may read."""

    def suits(self, caller: Caller) -> bool:
        """Return True if this caller can use the tool in principle, so that it is listed to them."""
        if self.audience == "member" and not caller.is_member:
            return False
        if self.audience == "verified" and not (caller.verified or caller.is_member):
            return False
        return not self.needs or self.needs in caller.permissions

    def works_here(self, connected: Collection[str]) -> bool:
        """Return True if the organisation in scope has what the tool works on; `connected` are its platforms."""
        return True

    def allows(self, caller: Caller) -> bool:
        """Return True if this caller may use the tool now."""
        return self.suits(caller)

    def spec(self) -> ToolSpec:
        """Return the description that models get."""
        return ToolSpec(self.key, self.title, self.description, _schema(self.arguments), self.acting)

    def filled(self, arguments: Params, caller: Caller) -> dict[str, Any]:
        """Return the values of a request by this tool; an acting tool adds what no model may choose."""
        return arguments.model_dump(mode="json", exclude_none=True)

    def read(self, raw: Mapping[str, Any]) -> Params:
        """Validate a model's arguments. Raises `ValueError` with the names of the wrong fields."""
        try:
            return self.arguments.model_validate(dict(raw))
        except ValidationError as problem:
            wrong = sorted({".".join(str(part) for part in e["loc"]) for e in problem.errors()})
            raise ValueError(", ".join(wrong) or "arguments") from None


class ToolSource(abc.ABC):
    """Tools that are made when they are asked for, because what they are made of registers in several apps."""

    @abc.abstractmethod
    def keys(self) -> Iterable[str]:
        """Return the keys of its tools."""

    @abc.abstractmethod
    def find(self, key: str) -> Tool | None:
        """Return the tool of a key, None if it has none."""


T = TypeVar("T", bound=Tool)
_tools: Registry[Tool] = Registry(Tool, name="tool")  # type: ignore[type-abstract]
_sources: dict[type[ToolSource], ToolSource] = {}


def register(tool: type[T]) -> type[T]:
    """Register a tool under its key, as the decorator of its class."""
    _tools.register(tool.key, tool)
    return tool


def register_source(source: type[ToolSource]) -> None:
    """Register a source of tools; the same one twice is harmless."""
    _sources[source] = source()


def all_keys() -> list[str]:
    """Return the keys of all tools in order; a key stands as often as it is registered."""
    return sorted([*_tools.keys(), *(key for source in _sources.values() for key in source.keys())])  # noqa: SIM118


def keys() -> list[str]:
    """Return the keys of the registered tools in order."""
    return list(dict.fromkeys(all_keys()))


def is_known(key: str) -> bool:
    """Return True if a tool is registered under the key."""
    return key in _tools.keys() or _made(key) is not None  # noqa: SIM118  (a registry, not a dict)


def get(key: str) -> Tool:
    """Return the tool of a key. Raises `NotFound`."""
    return _made(key) or _tools.get(key)()


def _made(key: str) -> Tool | None:
    return next((tool for source in _sources.values() if (tool := source.find(key)) is not None), None)


def keys_counted_with(tool: Tool) -> list[str]:
    """Return the keys of the tools whose calls count together with those of a tool."""
    if not tool.counted_as:
        return [tool.key]
    return [key for key in _tools.keys() if _tools.get(key).counted_as == tool.counted_as]  # noqa: SIM118


def is_public_reading(key: str) -> bool:
    """Return True if a tool changes nothing and everybody may use it, so that nobody can lose the right to."""
    if not is_known(key):
        return False
    tool = get(key)
    return tool.only_reads and not tool.outside and tool.audience == "public" and not tool.needs


def offered(names: Iterable[str], caller: Caller) -> list[Tool]:
    """Return those of the named tools that this caller may use now."""
    tools = [get(name) for name in dict.fromkeys(names) if is_known(name) and name not in caller.other_teams]
    return [tool for tool in tools if tool.allows(caller)]

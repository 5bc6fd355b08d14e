"""The shape of a tool, who it may be offered to, and the tools this process knows."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.ports import ToolSpec
from core.actors import Actor
from core.registry import Registry

Audience = Literal["public", "verified", "member"]
PROPOSE = "hitl.propose_approval"
FOR_EVERY_AGENT = ("bring_person", "list_abilities", "withdraw_request", "answer_signers", "send_in_again")
"""What an agent of any version can call: nobody is left without a person, or with what he asked for."""


class Arguments(BaseModel):
    """Base of every tool's arguments: nothing unknown gets in."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class OneRequest(Arguments):
    """Which request."""

    reference: str = Field(pattern=r"^BR-\d{1,18}$", description='Its reference, for example "BR-1001"')


@dataclass(frozen=True)
class Caller:
    """For whom a tool works: the contact behind the conversation and the agent in between.

    `user_id` is only set for an active member; `permissions` are those of the member's role.
    `linker_ids` are who ever said that the contact is this member, `agent_author_ids` who configured the agent,
    `channel_keeper_ids` who knows the secrets by which its channel tells who writes.
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
    max_open_approvals: int | None = None
    agent_author_ids: tuple[UUID, ...] = ()
    channel_keeper_ids: tuple[UUID, ...] = ()

    @property
    def is_member(self) -> bool:
        return self.user_id is not None


def requester_through(caller: Caller, *permissions: str) -> Actor:
    """The member by way of the agent, who may do no more than the member himself, and of that only this."""
    return Actor(
        kind="agent",
        id=caller.agent_id,
        user_id=caller.user_id,
        role="agent",
        name=caller.agent_type,
        permissions=caller.permissions & frozenset(permissions),
    )


@cache
def _schema(arguments: type[Arguments]) -> Mapping[str, Any]:
    """Made once for each class: it took longer than the local model."""
    return MappingProxyType(arguments.model_json_schema())


class Tool(abc.ABC):
    """Something an agent can call; `ability` says it as people are told: "I can …"."""

    key: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    ability: ClassVar[str]
    audience: ClassVar[Audience]
    acting: ClassVar[bool] = False
    needs: ClassVar[str] = ""
    """A permission of the member's role; nothing for what every caller of the audience may."""
    arguments: ClassVar[type[Arguments]] = Arguments

    @abc.abstractmethod
    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        """Do it and return JSON; raises WalkerError for what the model may be told."""

    def suits(self, caller: Caller) -> bool:
        """Whether this caller could use the tool at some time: what he is told that he can do."""
        if self.audience == "member" and not caller.is_member:
            return False
        if self.audience == "verified" and not (caller.verified or caller.is_member):
            return False
        return not self.needs or self.needs in caller.permissions

    def allows(self, caller: Caller) -> bool:
        """Whether this caller may use the tool now."""
        return self.suits(caller)

    def spec(self) -> ToolSpec:
        """What a model is told about it."""
        return ToolSpec(self.key, self.title, self.description, _schema(self.arguments), self.acting)

    def read(self, raw: Mapping[str, Any]) -> Arguments:
        """Check arguments of a model. Raises ValueError with the field names that are wrong."""
        try:
            return self.arguments.model_validate(dict(raw))
        except ValidationError as problem:
            wrong = sorted({".".join(str(part) for part in e["loc"]) for e in problem.errors()})
            raise ValueError(", ".join(wrong) or "arguments") from None


_tools: Registry[Tool] = Registry(Tool, name="tool")  # type: ignore[type-abstract]


def register(tool: type[Tool]) -> type[Tool]:
    """Offer a tool under its key."""
    _tools.register(tool.key, tool)
    return tool


def keys() -> list[str]:
    """The known tools in order."""
    return _tools.keys()


def is_known(key: str) -> bool:
    """Whether there is a tool of this key."""
    return key in _tools.keys()  # noqa: SIM118  (a registry, not a dict)


def get(key: str) -> Tool:
    """The tool of a key. Raises NotFound."""
    return _tools.get(key)()


def offered(names: Iterable[str], caller: Caller) -> list[Tool]:
    """Those of the named tools that this caller may use."""
    tools = [get(name) for name in dict.fromkeys(names) if is_known(name)]
    return [tool for tool in tools if tool.allows(caller)]

"""Tools made of what others register: acting ones of kinds of action, reading ones of a platform's lookups."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

from django.utils.timesince import timesince

from agents.answering.runs.approval_texts import resubmitted_sentence, waiting_sentence
from agents.answering.tools.registry import (
    NOT_CURRENT,
    PROPOSE,
    Arguments,
    Audience,
    Caller,
    Tool,
    ToolSource,
    register_source,
    requester_through,
)
from agents.answering.tools.resubmit import resubmit_with_values
from conversations.selectors import names_in_conversation, tags_of_conversation
from core.actors import Actor
from core.clock import now
from core.errors import TooMany
from hitl import services
from hitl.actions import registry as kinds
from hitl.actions.base import Origin, Params
from hitl.actions.registry import AnyKind
from hitl.models import Approval
from integrations import platforms
from integrations.calls.operations import Line
from integrations.ports import Lookup, Platform

MINUTE: Final = timedelta(minutes=1)
MARGIN: Final = 1.0
"""Seconds of a tool's time that are left for the last value, after the platform did not answer."""


class ActingTool(Tool):
    """Requests an approval for one kind of action, and changes nothing by itself."""

    audience: ClassVar[Audience] = "member"
    acting = True
    changes = True
    needs = PROPOSE

    def __init__(self, kind: AnyKind) -> None:
        self.key, self.title = kind.key, kind.title
        self.ability, self.description = kind.ability, kind.description
        self.arguments = kind.params_model
        self._kind = kind

    def works_here(self, connected: Collection[str]) -> bool:
        owners = [key for key in platforms.keys() if type(self._kind) in platforms.get(key).kinds]  # noqa: SIM118
        return any(owner in connected for owner in owners) if owners else self._kind.works_here()

    def requester(self, caller: Caller) -> Actor:
        """Return who requests it: the agent with the member's right."""
        return requester_through(caller, PROPOSE)

    def call(self, arguments: Params, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        params = self.filled(arguments, caller)
        again = resubmit_with_values(self.key, params, caller=caller, call_id=call_id, hands=hands_of(caller))
        if again is not None:
            return asked(again, resubmitted_sentence(again))
        origin = Origin(
            conversation_id=caller.conversation_id,
            agent_id=caller.agent_id,
            run_id=caller.run_id,
            tool_call_id=call_id,
            requester_user_id=caller.user_id,
            agent_owner_id=caller.agent_owner_id,
            max_open_approvals=caller.max_open_approvals,
            also_excluded=hands_of(caller),
            contact_tags=tags_of_conversation(conversation_id=caller.conversation_id),
            channel=caller.channel,
            people=names_in_conversation(caller.conversation_id),
        )
        actor = self.requester(caller)
        try:
            approval = services.propose(
                actor=actor, kind=self.key, params=params, origin=origin, dedupe_key=str(call_id)
            )
        except TooMany as error:
            cap = error.facts["cap"]
            detail = f"I already have {cap} open requests, which is my limit. I haven't requested anything new."
            raise TooMany(detail, code=error.code, cap=cap) from error
        return asked(approval, waiting_sentence(approval))


def asked(approval: Approval, sentence: str) -> dict[str, Any]:
    """Return the result of a tool that requested an approval."""
    return {
        "approval_id": str(approval.id),
        "reference": approval.reference,
        "state": approval.state,
        "sentence": sentence,
    }


def hands_of(caller: Caller) -> tuple[UUID, ...]:
    """Return everyone who could have requested this for the caller. None of them may approve it."""
    owner = () if caller.agent_owner_id is None else (caller.agent_owner_id,)
    return (*caller.agent_author_ids, *caller.channel_keeper_ids, *caller.linker_ids, *owner)


class KindTools(ToolSource):
    """One acting tool for each kind of action that agents may request: each that says its ability.

    A kind with a tool of its own has that one.
    """

    def keys(self) -> list[str]:
        """Return the keys of these kinds."""
        return [key for key in kinds.keys() if _is_offered(kinds.get(key))]  # noqa: SIM118  (a registry, not a dict)

    def find(self, key: str) -> Tool | None:
        """Return the tool that requests a kind."""
        return ActingTool(kinds.get(key)) if kinds.is_known(key) and _is_offered(kinds.get(key)) else None


def _is_offered(kind: AnyKind) -> bool:
    return bool(kind.ability) and not kind.own_tool


class LookupTool(Tool):
    """Reads one thing from a platform, through the account of the tenant in scope."""

    audience = "member"
    outside = True
    only_reads = True
    has_runner = True

    def __init__(self, platform: Platform, lookup: Lookup[Any]) -> None:
        self.key, self.title = lookup.key, lookup.title
        self.ability, self.description = lookup.ability, lookup.description
        self.arguments, self.kept_seconds = lookup.params, lookup.kept_seconds
        self._platform, self._lookup = platform, lookup

    def works_here(self, connected: Collection[str]) -> bool:
        return self._platform.key in connected

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        """Return the reading; where the platform doesn't answer the last one, and how old that is."""
        connection = platforms.connection(self._platform.key)
        line = Line(connection.account, seconds=self.seconds - MARGIN, takes_last=True)
        with connection.open(line) as client:
            found = self._lookup.run(client, arguments)
        return with_age(found, line, self._platform.title)


def with_age(found: dict[str, Any], line: Line, title: str) -> dict[str, Any]:
    """Return a reading that says how old it is, where the platform of this title did not answer."""
    if line.read_at is None:
        return found
    # English, as all that models read.
    span = timesince(min(line.read_at, now() - MINUTE), now(), depth=1).replace("\xa0", " ")
    return {NOT_CURRENT: f"{title} doesn't answer now. These values are {span} old.", **found}


class LookupTools(ToolSource):
    """One reading tool for each lookup of the registered platforms."""

    def keys(self) -> list[str]:
        """Return the keys of the lookups."""
        return [lookup.key for _, lookup in platforms.lookups()]

    def find(self, key: str) -> Tool | None:
        """Return the tool that makes a lookup."""
        found = (LookupTool(platform, lookup) for platform, lookup in platforms.lookups() if lookup.key == key)
        return next(found, None)


register_source(KindTools)
register_source(LookupTools)

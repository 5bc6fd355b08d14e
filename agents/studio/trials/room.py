"""What the tools of a flow know of the answer that is tried: kept between their calls, masked, while it is made."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from django.core.cache import cache
from redis import RedisError

from accounts.models import User
from accounts.services import actor_for_user
from agents.answering.tools import registry as tools
from agents.answering.tools.registry import Caller
from agents.llm.ports import ANSWER_TOOL
from agents.models import AgentVersion
from agents.selectors import tools_of
from agents.studio.trials.calls import TrialCalls, offered_in_trial
from agents.studio.trials.models import Trial
from agents.studio.trials.speakers import caller_as, require_try
from core.actors import Actor
from core.clock import now
from core.errors import Unavailable
from core.tenancy.scope import current_tenant_id

LIFE: Final = timedelta(seconds=90)
"""Behind the time of a whole answer: what a worker that ended left behind."""


@dataclass(frozen=True)
class Room:
    """Who is answered by which version, until when, and the calls so far as `TrialCalls` writes them."""

    key: UUID
    version_id: UUID
    trial_id: UUID
    person_id: UUID
    speaker: str
    until: float
    calls: Mapping[str, Any] = field(default_factory=dict)


def open_room(version: AgentVersion, caller: Caller, viewer: Actor, *, seconds: float) -> Room:
    """Return a new room for the calls of one answer. Raises `Unavailable` while Redis is down."""
    if viewer.user_id is None:
        raise Unavailable("Only a person can try an agent.")
    speaker = Trial.Speaker.CUSTOMER if caller.verified else Trial.Speaker.STRANGER
    speaker = Trial.Speaker.MEMBER if caller.user_id else speaker
    until = now().timestamp() + seconds
    room = Room(uuid4(), version.pk, caller.conversation_id, viewer.user_id, speaker.value, until)
    _store(room, {})
    return room


def find_room(key: UUID) -> Room | None:
    """Return a room with the calls so far; None once its answer is over. Raises `Unavailable`."""
    try:
        found = cache.get(_name(key))
    except RedisError as error:
        raise Unavailable("Try again in a moment.") from error
    if not found:
        return None
    facts: dict[str, Any] = json.loads(found)
    for name in ("key", "version_id", "trial_id", "person_id"):
        facts[name] = UUID(facts[name])
    room = Room(**facts)
    return room if room.until > now().timestamp() else None


def keep_calls(room: Room, calls: TrialCalls) -> None:
    """Keep the calls so far, unless the answer is over by now. Raises `Unavailable`."""
    if find_room(room.key) is not None:
        _store(room, calls.as_document())


def close_room(key: UUID) -> Mapping[str, Any]:
    """End an answer: its tools are refused from now on. Returns the calls that were made. Raises `Unavailable`."""
    room = find_room(key)
    try:
        cache.delete(_name(key))
    except RedisError as error:
        raise Unavailable("Try again in a moment.") from error
    return room.calls if room else {}


def enter(room: Room, version: AgentVersion, *, until: float) -> TrialCalls:
    """Return the calls of a room, to be gone on with, with the rights that its person has now. Raises `Refused`."""
    viewer = actor_for_user(User.objects.get(pk=room.person_id))
    require_try(viewer, version.agent)
    caller = caller_as(room.speaker, actor=viewer, version=version, trial_id=room.trial_id)
    names = [name for name in (*tools_of(version), *tools.FOR_EVERY_AGENT) if name != ANSWER_TOOL]
    offered = {tool.key: tool for tool in offered_in_trial(names, caller)}
    calls = TrialCalls(caller=caller, viewer=viewer, offered=offered, until=until, is_masked=True)
    calls.take(room.calls)
    return calls


def _store(room: Room, calls: Mapping[str, Any]) -> None:
    facts = {**vars(room), "calls": calls}
    try:
        cache.set(_name(room.key), json.dumps(facts, default=str), timeout=LIFE.total_seconds())
    except RedisError as error:
        raise Unavailable("Try again in a moment.") from error


def _name(key: UUID) -> str:
    return f"{current_tenant_id()}:trial-room:{key.hex}"

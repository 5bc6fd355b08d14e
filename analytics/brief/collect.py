"""Collect a brief's data. The sections of platforms are read in parallel within a limit; the rest is our own data."""

from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from agents.answering.tools import registry as tools
from agents.answering.tools.registry import Caller
from agents.selectors import version_of_type
from analytics.brief.choices import OWN
from conversations.selectors import ConversationFilters, count_needing_person, list_conversations
from core.actors import Actor
from core.errors import Unavailable, WalkerError
from core.ids import uuid7
from core.observability.logging import get_logger
from hitl.selectors import count_mine, count_overdue, list_approvals
from hitl.services import can_be_decided_by_link
from integrations import platforms
from integrations.calls.operations import Line
from integrations.ports import BriefSection

log = get_logger(__name__)
LIMIT: Final = 8.0
"""Seconds that each agent may take."""
SHARE: Final = 0.9
"""The part of these seconds that a system gets; in the rest its last values are found."""
MOST_ROWS: Final = 5


@dataclass(frozen=True)
class Reading:
    """The data of one section: rows and their total number, or why there are none.

    `by_link` are the ids of the approvals that the viewer may decide by a link in the mail. `read_at` says from when
    the rows are, if the system did not answer now.
    """

    rows: list[Any] = field(default_factory=list)
    count: int = 0
    trouble: str = ""
    by_link: frozenset[UUID] = frozenset()
    read_at: datetime | None = None


def collect(*, viewer: Actor, sections: Collection[str], seconds: float = LIMIT) -> dict[str, Reading]:
    """Return the viewer's data for each of the sections. Call it outside a transaction.

    Never raises for failures outside: a section that fails, is slow or not allowed is a reading with its
    `trouble`.
    """
    calls, readings = {}, {}
    outside = {section.key: (platform.key, section) for platform, section in platforms.sections()}
    # A stored section may be one of a platform that is no longer registered.
    sections = [key for key in sections if key in outside or key in OWN]
    for key in outside.keys() & set(sections):
        try:
            calls[key] = _prepare_call(viewer, *outside[key], seconds)
        except WalkerError as error:
            readings[key] = Reading(trouble=error.code)
    pool = ThreadPoolExecutor(max_workers=max(1, len(calls)), thread_name_prefix="brief")
    futures = {key: pool.submit(call) for key, call in calls.items()}
    # A late call ends by its client's time-outs; nobody waits for it.
    pool.shutdown(wait=False)
    for key in sections:
        if key not in outside:
            readings[key] = _read_own_data(key, viewer)
    wait(futures.values(), timeout=seconds)
    readings |= {key: _reading(key, future) for key, future in futures.items()}
    return {key: readings[key] for key in sections}


def _read_own_data(key: str, viewer: Actor) -> Reading:
    """Read approvals, overdue requests or conversations from our database."""
    if key == "conversations":
        if not viewer.may("conversations.view_conversation"):
            return Reading(trouble="not_allowed")
        page = list_conversations(viewer=viewer, filters=ConversationFilters(needs_person=True))
        rows = sorted(page.rows, key=lambda row: row.escalated_at or row.last_message_at)
        return Reading(rows, count_needing_person(viewer=viewer))
    is_own = key == "approvals"
    if not viewer.may("hitl.view_approval") or (is_own and not viewer.may("hitl.decide_approval")):
        return Reading(trouble="not_allowed")
    waiting = list_approvals(viewer=viewer, mine=is_own, overdue=not is_own)
    count = count_mine(viewer=viewer) if is_own else count_overdue(viewer=viewer)
    first = [row for row in waiting[:MOST_ROWS] if is_own and row.state == "pending"]
    return Reading(waiting, count, by_link=frozenset(row.pk for row in first if can_be_decided_by_link(row)))


def _prepare_call(viewer: Actor, platform: str, section: BriefSection, seconds: float) -> Callable[[], Reading]:
    """Return the call for a thread; everything from our database is read here."""
    version = version_of_type(section.agent)
    if version is None or section.tool not in version.tools:
        raise Unavailable(code="off")
    caller = Caller(
        conversation_id=uuid7(), channel="brief", verified=True, user_id=viewer.user_id,
        permissions=viewer.permissions, agent_id=version.agent_id, agent_type=version.agent.type,
        agent_owner_id=version.agent.owner_id, run_id=uuid7(),
    )  # fmt: skip
    if not tools.get(section.tool).allows(caller):
        raise Unavailable(code="not_allowed")
    try:
        connection = platforms.connection(platform)
        line = Line(connection.account, seconds=seconds * SHARE, takes_last=True)
        client = connection.open(line)
    except Unavailable as error:
        raise Unavailable(code="not_connected") from error

    def call() -> Reading:
        with client as opened:
            rows = section.read(opened)
        return Reading(rows, len(rows), read_at=line.read_at)

    return call


def _reading(key: str, future: Future[Reading]) -> Reading:
    if not future.done():
        log.warning("brief_collector_slow", section=key)
        return Reading(trouble="slow")
    problem = future.exception()
    if problem is not None:
        code = problem.code if isinstance(problem, WalkerError) else type(problem).__name__
        log.warning("brief_collector_failed", section=key, code=code)
        return Reading(trouble="slow" if code.endswith("timed_out") else "failed")
    return future.result()

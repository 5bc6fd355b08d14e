"""What a brief is made of: four agents read the outside at the same time, each within its limit; the desk is ours."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from agents.selectors import newest_version
from agents.tools import registry as tools
from agents.tools.registry import Caller
from conversations.selectors import ConversationFilters, count_needing_person, list_conversations
from core.actors import Actor
from core.errors import Unavailable, WalkerError
from core.ids import uuid7
from core.observability.logging import get_logger
from hitl.selectors import Filters, count_mine, count_overdue, list_approvals
from integrations.http import Patience
from integrations.sandbox_ads.client import SandboxAdsClient
from integrations.sandbox_ads.selectors import connect, value_of
from integrations.sandbox_ads.types import Answer

log = get_logger(__name__)
LIMIT: Final = 8.0
"""Seconds for each of the agents."""
SHOWN: Final = 5


@dataclass(frozen=True)
class Reading:
    """What was read for one section: rows and how many there are, or why there are none."""

    rows: list[Any] = field(default_factory=list)
    count: int = 0
    trouble: str = ""


@dataclass(frozen=True)
class Collector:
    """One agent's part: which of its reading tools opens it, and what is asked."""

    agent: str
    tool: str
    ask: Callable[[SandboxAdsClient], Answer[list[Any]]]


COLLECTORS: Final[Mapping[str, Collector]] = {
    "paid_ads": Collector("paid_ads", "list_campaigns", lambda client: client.list_campaigns()),
    "rankings": Collector("seo", "rankings", lambda client: client.list_rankings()),
    "content": Collector("content", "content_performance", lambda client: client.list_content()),
    "audience": Collector("audience", "list_audiences", lambda client: client.list_audiences()),
}


def collect(*, viewer: Actor, sections: Collection[str], seconds: float = LIMIT) -> dict[str, Reading]:
    """Return what the viewer may see for each of the sections. Call it outside a transaction.

    Never raises for what the outside does: whatever fails, is slow or is not allowed comes back as a
    reading with its `trouble`.
    """
    asked, found = _outside(viewer, sections, seconds)
    desk = {"approvals": _waiting, "overdue": _overdue, "conversations": _conversations}
    for key in sections:
        if key in desk:
            found[key] = desk[key](viewer)
    answers = _answers(asked, seconds)
    return {key: {**found, **answers}[key] for key in sections}


def _waiting(viewer: Actor) -> Reading:
    if not (viewer.may("hitl.decide_approval") and viewer.may("hitl.view_approval")):
        return Reading(trouble="not_allowed")
    rows = list_approvals(viewer=viewer, filters=Filters(mine=True))
    return Reading(sorted(rows, key=lambda row: row.sla_due_at or row.created_at), count_mine(viewer=viewer))


def _overdue(viewer: Actor) -> Reading:
    if not viewer.may("hitl.view_approval"):
        return Reading(trouble="not_allowed")
    rows = list_approvals(viewer=viewer, filters=Filters(overdue=True))
    return Reading(sorted(rows, key=lambda row: row.sla_due_at or row.created_at), count_overdue(viewer=viewer))


def _conversations(viewer: Actor) -> Reading:
    if not viewer.may("conversations.view_conversation"):
        return Reading(trouble="not_allowed")
    page = list_conversations(viewer=viewer, filters=ConversationFilters(needs_person=True))
    rows = sorted(page.rows, key=lambda row: row.escalated_at or row.last_message_at)
    return Reading(rows, count_needing_person(viewer=viewer))


def _outside(
    viewer: Actor, sections: Collection[str], seconds: float
) -> tuple[dict[str, Future[list[Any]]], dict[str, Reading]]:
    """Start what may be asked, at once; say why the rest may not."""
    questions, closed = {}, {}
    for key in COLLECTORS.keys() & set(sections):
        try:
            questions[key] = _question(viewer, COLLECTORS[key], seconds)
        except WalkerError as error:
            closed[key] = Reading(trouble=error.code)
    pool = ThreadPoolExecutor(max_workers=len(COLLECTORS), thread_name_prefix="brief")
    asked = {key: pool.submit(question) for key, question in questions.items()}
    # Whoever is late ends by the time-outs of his own client; nobody waits for him.
    pool.shutdown(wait=False)
    return asked, closed


def _question(viewer: Actor, collector: Collector, seconds: float) -> Callable[[], list[Any]]:
    """Return what the thread does: one call, with everything from our database read before."""
    version = newest_version(collector.agent)
    if version is None or collector.tool not in version.tools:
        raise Unavailable(code="off")
    caller = Caller(
        conversation_id=uuid7(), channel="brief", verified=True, user_id=viewer.user_id,
        permissions=viewer.permissions, agent_id=version.agent_id, agent_type=version.agent.type,
        agent_owner_id=version.agent.owner_id, run_id=uuid7(),
    )  # fmt: skip
    if not tools.get(collector.tool).allows(caller):
        raise Unavailable(code="not_allowed")
    try:
        client = connect(patience=Patience(connect=min(3.0, seconds), read=seconds, total=seconds))
    except Unavailable as error:
        raise Unavailable(code="not_connected") from error
    return partial(_ask, client, collector)


def _ask(client: SandboxAdsClient, collector: Collector) -> list[Any]:
    with client:
        return value_of(collector.ask(client))


def _answers(asked: Mapping[str, Future[list[Any]]], seconds: float) -> dict[str, Reading]:
    wait(asked.values(), timeout=seconds)
    return {key: _reading(key, future) for key, future in asked.items()}


def _reading(key: str, future: Future[list[Any]]) -> Reading:
    if not future.done():
        log.warning("brief_collector_slow", section=key)
        return Reading(trouble="slow")
    problem = future.exception()
    if problem is not None:
        code = problem.code if isinstance(problem, WalkerError) else type(problem).__name__
        log.warning("brief_collector_failed", section=key, code=code)
        return Reading(trouble="slow" if code == "ads_timed_out" else "failed")
    return Reading(future.result(), len(future.result()))

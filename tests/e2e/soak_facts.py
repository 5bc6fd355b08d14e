"""What an installation has stored of a soak, told as JSON by a process of its own."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

if TYPE_CHECKING:
    from agents.models import AgentRunMessage

MARK: Final = "this is soak "
# A message that arrived so shortly before an answer may have come after the look whether there is more.
BEGUN: Final = timedelta(seconds=3)
# So late after its arrival a message is taken only because its worker died: it gets an answer of its own.
LATE: Final = timedelta(seconds=8)


def tell() -> None:
    """Print the texts of customers, what is left over, and how many answers each burst has."""
    from accounts.models import Tenant
    from core.tenancy.scope import platform_scope, tenant_scope

    with platform_scope():
        tenant_id = Tenant.objects.get(slug="acme").pk
    with tenant_scope(tenant_id):
        print(json.dumps(_facts()))  # noqa: T201


def _facts() -> dict[str, Any]:
    from agents.models import AgentRun, AgentRunMessage
    from channels_app.models import InboundDelivery
    from conversations.models import Message

    came = [row for row in Message.objects.filter(direction="in").iterator() if MARK in row.body]
    talks = {row.conversation_id for row in came}
    answers: dict[UUID, list[datetime]] = {talk: [] for talk in talks}
    said = Message.objects.filter(direction="out", sender_type="agent").order_by("created_at")
    for talk, at in said.values_list("conversation_id", "created_at"):
        answers.get(talk, []).append(at)
    inputs = {one.message_id: one for one in AgentRunMessage.objects.select_related("run")}
    open_runs = AgentRun.objects.exclude(state__in=["finished", "waiting"])
    unanswered = [state for talk, state in open_runs.values_list("conversation_id", "state") if talk in talks]
    unanswered += ["no answer" for talk in talks if not answers[talk]]
    for row in came:
        if row.pk not in inputs:
            unanswered.append("no run")
        elif inputs[row.pk].number > inputs[row.pk].run.answered:
            unanswered.append("not answered")
    allowed, late = _allowed(inputs, answers)
    return {
        "left": [list(row) for row in InboundDelivery.objects.exclude(state="done").values_list("provider", "error")],
        "texts": [row.body for row in came],
        "unanswered": unanswered,
        "doubled": [[len(answers[one]), allowed[one]] for one in talks if len(answers[one]) > allowed[one]],
        "answers": dict(Counter(len(answers[one]) for one in talks)),
        "late": late,
    }


def _allowed(inputs: dict[UUID, AgentRunMessage], answers: dict[UUID, list[datetime]]) -> tuple[Counter[UUID], int]:
    """Return how many answers each burst may have, and how many messages were taken late.

    One. Of the messages that were taken after it: one more for all that arrived once it was begun, and one for each
    that was taken late.
    """
    from core.models import Outbox

    announced = Outbox.objects.filter(event="message_received", payload__has_key="arrived_at")
    allowed, followed, late = Counter(dict.fromkeys(answers, 1)), set[UUID](), 0
    for ref, arrived_at in announced.values_list("ref", "payload__arrived_at"):
        if ref not in inputs:
            continue
        talk, taken = inputs[ref].run.conversation_id, inputs[ref].created_at
        first, arrived = next(iter(answers.get(talk, ())), taken), datetime.fromisoformat(arrived_at)
        if taken <= first:
            continue
        if arrived > first - BEGUN:
            followed.add(talk)
        elif taken - arrived > LATE:
            late += 1
            allowed[talk] += 1
    allowed.update(followed)
    return allowed, late

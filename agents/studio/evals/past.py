"""Choose what an agent answered in the past, and the lines that it answered then."""

from datetime import datetime
from typing import Final

from agents.llm.ports import Line
from agents.models import Agent, AgentRun
from agents.studio.evals.case_services import speaker_of
from agents.studio.evals.models import EvalResult
from conversations.models import Message

MOST: Final = 20
LOOKED_AT: Final = 200
LINES: Final = 30


def past_answers(agent: Agent, *, since: datetime) -> list[EvalResult]:
    """Return the newest answers of an agent since a moment, one of each conversation, not stored yet."""
    wanted = AgentRun.objects.filter(
        agent_version__agent=agent,
        trigger=AgentRun.Trigger.MESSAGE,
        created_at__gte=since,
        reply_id__isnull=False,
        error_code="",
    )
    newest: dict[object, AgentRun] = {}
    for run in wanted.prefetch_related("inputs__message").order_by("-created_at", "-id")[:LOOKED_AT]:
        newest.setdefault(run.conversation_id, run)
    chosen = list(newest.values())[:MOST]
    replies = Message.objects.in_bulk([run.reply_id for run in chosen])
    found: list[EvalResult] = []
    for run in chosen:
        reply = replies.get(run.reply_id)
        asked = sorted((each.message for each in run.inputs.all()), key=lambda message: message.seq)
        said = "\n".join(message.masked_body for message in asked if message.masked_body)
        if reply is None or not said or not reply.masked_body:  # such as one that was erased
            continue
        found.append(
            EvalResult(
                number=len(found) + 1,
                document={"speaker": speaker_of(asked), "until": asked[-1].seq},
                conversation_id=run.conversation_id,
                message=reply,
                said=said,
                before=reply.masked_body,
            )
        )
    return found


def lines_before(result: EvalResult) -> list[Line]:
    """Return the conversation as it was when the answer was made."""
    rows = Message.objects.filter(conversation_id=result.conversation_id, seq__lte=result.document["until"])
    newest = rows.only("tenant_id", "seq", "direction", "sender_type", "masked_body").order_by("-seq")[:LINES]
    return [
        Line(
            "user" if row.direction == "in" else "assistant",
            row.masked_body,
            from_colleague=row.sender_type == Message.Sender.PERSON,
        )
        for row in reversed(newest)
        if row.masked_body
    ]

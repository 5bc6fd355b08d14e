"""Read what a customer wants and states where a worker looks at their messages anyway, and keep both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from agents.answering import interpretation
from agents.answering.selectors import Standing, Transcript
from agents.answering.tools.registry import Caller
from agents.memory.models import ContactFact
from agents.memory.notes import note_facts
from agents.memory.recall import NOTED, recall
from agents.models import AgentRun, AgentVersion
from conversations import services as conversations
from conversations.models import Conversation, Message
from conversations.selectors import values_for_agents
from conversations.types import Reading
from core.actors import system

Memory = AgentVersion.Memory
NEWEST: Final = 12
"""Messages of both sides that are looked at."""


def read_messages(standing: Standing, transcript: Transcript) -> interpretation.Reading:
    """Return the reading of the messages that a run answers."""
    return interpretation.read(
        [line.text for line in transcript.lines if line.role == "user"],
        language=standing.language,
        is_member=standing.user_id is not None,
        is_proven=any(each.is_verified for each in standing.inputs),
        waits_for_answer=sum(not each.is_answered for each in standing.inputs),
    )


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen of a customer's messages before anybody answers them.

    `alarm` is why a person has to see them at once; `worry` why one has to unless they are answered from documents.
    """

    alarm: str = ""
    worry: str = ""
    is_courtesy: bool = False
    """They need no answer: thumbs up, or thanks for an answer."""


def look_at(standing: Standing, transcript: Transcript) -> Look:
    """Return what the unanswered messages of a customer are before they are answered; nothing for a colleague's."""
    waiting = {message.message_id for message in standing.inputs if not message.is_answered}
    pairs = list(zip(transcript.message_ids, transcript.lines, strict=True))
    said = [line.text for key, line in pairs if key in waiting]
    if standing.user_id is not None or not said:
        return Look()
    before = [line.text for key, line in pairs if key not in waiting and line.role == "assistant"]
    # Sources and our own sentences may stand behind a question.
    is_answer = bool(before) and "?" not in before[-1]
    is_courtesy = is_answer and all(interpretation.needs_no_answer(text) for text in said)
    return Look(interpretation.alarm_in(said), interpretation.worry_in(said), is_courtesy)


def keep_reading(run: AgentRun, standing: Standing, found: interpretation.Reading) -> None:
    """Keep the reading of the messages that a run answers. One statement."""
    if standing.inputs:
        _keep(run.conversation_id, max(each.seq for each in standing.inputs), found)


def note_message(*, message_id: UUID) -> None:
    """Keep the reading of a conversation that a person has, with its newest message. Three statements."""
    message = (
        Message.objects.filter(pk=message_id, direction=Message.Direction.IN).only("seq", "conversation_id").first()
    )
    if message is None:
        return
    rows = Message.objects.filter(conversation_id=message.conversation_id, seq__lte=message.seq).order_by("-seq")
    newest = list(rows.values_list("direction", "masked_body", "sender_verified")[:NEWEST])
    said = [text for direction, text, _ in reversed(newest) if direction == Message.Direction.IN]
    waits = next((place for place, row in enumerate(newest) if row[0] != Message.Direction.IN), len(newest))
    owners = Conversation.objects.filter(pk=message.conversation_id)
    columns = ("origin_id", "contact__user_id", "origin__user_id", "language")
    origin_id, user_id, user_of_origin, language = owners.values_list(*columns).get()
    is_member = (user_of_origin if origin_id else user_id) is not None
    found = interpretation.read(
        said, language=language, is_member=is_member, is_proven=newest[0][2], waits_for_answer=waits
    )
    _keep(message.conversation_id, message.seq, found)


def _keep(conversation_id: UUID, seq: int, found: interpretation.Reading) -> None:
    conversations.record_reading(
        actor=system("agents"),
        conversation_id=conversation_id,
        seq=seq,
        reading=Reading(found.intent, found.language, found.urgency, found.lead, found.as_document()),
    )


def note_said(version: AgentVersion, standing: Standing, transcript: Transcript) -> None:
    """Note the facts in the messages that a run has not answered yet; no query where none has one.

    An agent that remembers nobody notes nothing.
    """
    if version.memory == Memory.OFF:
        return
    waiting = {message.message_id for message in standing.inputs if not message.is_answered}
    texts = zip(transcript.message_ids, transcript.lines, strict=True)
    note_facts(contact_id=standing.contact_id, said=[(key, line.text) for key, line in texts if key in waiting])


def recall_for(version: AgentVersion, caller: Caller, standing: Standing) -> Sequence[ContactFact]:
    """Return the facts that a model is given of the person it works for: none unless its agent remembers them.

    A proven caller's are those of proven messages and of colleagues: what a stranger wrote under their address is not
    theirs. One query at most.
    """
    is_proven = caller.verified or caller.user_id is not None
    if version.memory == Memory.OFF or (version.memory == Memory.VERIFIED and not is_proven):
        return ()
    return recall(standing.contact_id, proven_only=is_proven)


def noted_for(run: AgentRun, caller: Caller, standing: Standing) -> str:
    """Return the custom fields that agents may read, as one line that is marked as data; "" without any.

    Those of the contact only for a proven caller, and unless others were merged into it. One query.
    """
    is_proven = caller.verified or caller.user_id is not None
    record_id = standing.contact_id if is_proven else None
    rows = values_for_agents(conversation_id=run.conversation_id, record_id=record_id)
    return f"{NOTED}{'; '.join(f'{name}: {text}' for name, text in rows)}." if rows else ""

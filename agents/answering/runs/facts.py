"""What a run notes of the facts in the messages that it answers, and which ones its model is given."""

from collections.abc import Sequence

from agents.answering.selectors import Standing, Transcript
from agents.answering.tools.registry import Caller
from agents.memory.models import ContactFact
from agents.memory.notes import note_facts
from agents.memory.recall import recall
from agents.models import AgentVersion

Memory = AgentVersion.Memory


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

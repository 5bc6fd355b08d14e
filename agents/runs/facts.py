"""What a run notes of the facts in the messages that it answers."""

from __future__ import annotations

from agents.memory.noting import note_facts
from agents.selectors import Standing, Transcript


def note_said(standing: Standing, transcript: Transcript) -> None:
    """Note the facts in the messages that a run has not answered yet; no query where none has one."""
    waiting = {message.message_id for message in standing.inputs if message.answered_at is None}
    texts = zip(transcript.message_ids, transcript.lines, strict=True)
    note_facts(contact_id=standing.contact_id, said=[(key, line.text) for key, line in texts if key in waiting])

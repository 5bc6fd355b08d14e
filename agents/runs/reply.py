"""How a run speaks: passing frames while it works, and the one answer that counts."""

from __future__ import annotations

from uuid import UUID, uuid5

from agents.models import AgentRun, AgentVersion
from core.actors import Actor, system
from core.events import streams

CHUNK = 48


class Speaker:
    """Sends typing and pieces of text to the conversation's stream; nothing of it is stored."""

    def __init__(self, conversation_id: UUID, run_id: UUID) -> None:
        self._stream = f"conversation:{conversation_id}"
        self._run = str(run_id)
        self._buffer = ""

    def typing(self, value: bool) -> None:
        streams.transient(self._stream, "agent_typing", {"value": value, "run": self._run})

    def emit(self, piece: str) -> None:
        """Collect pieces and send them in portions: a frame per word would cost more than it shows."""
        self._buffer += piece
        if len(self._buffer) >= CHUNK:
            self.flush()

    def flush(self) -> None:
        if self._buffer:
            payload = {"content": self._buffer, "run": self._run}
            streams.transient(self._stream, "agent_delta", payload)
            self._buffer = ""

    def restart(self) -> None:
        """Tell listeners that the pieces so far are void: the round is done again."""
        self._buffer = ""
        streams.transient(self._stream, "agent_delta", {"content": "", "run": self._run, "reset": True})


def answer_id(run: AgentRun) -> UUID:
    """The client id of the one thing a run says for its generation: said again, it is the first one."""
    return uuid5(run.id, str(run.generation))


def agent_actor(version: AgentVersion | None) -> Actor:
    """The agent as the one who writes."""
    if version is None:
        return system("agents")
    return Actor(
        kind="agent",
        id=version.agent_id,
        role="agent",
        name=version.agent.type,
        permissions=frozenset({"conversations.reply_conversation"}),
    )

"""Let a Langflow flow answer in a trial: it gets masked lines, and its tools read or only foresee."""

import time
from collections.abc import Sequence
from typing import Final

from agents.langflow.connection import active_server, client_of
from agents.langflow.head import activated_digest, answer_of, input_of, outcome_of
from agents.langflow.sessions import erase_soon, open_trial_session
from agents.langflow.tokens import make_trial_token
from agents.llm.ports import Line, RunOutcome
from agents.models import AgentVersion
from agents.studio.trials import room as rooms
from agents.studio.trials.calls import TrialCalls
from integrations.langflow.types import CHANGED, PAUSES, FlowFailed

LEAST: Final = 1.0


def ask(version: AgentVersion, calls: TrialCalls, lines: Sequence[Line]) -> RunOutcome:
    """Run the flow once with all that was said; `calls` takes what its tools did. Failures are outcomes.

    The draft's flow answers as it is now, the active version's only if it is still the one that was activated.
    """
    room = rooms.open_room(version, calls.caller, calls.viewer, seconds=calls.until - time.monotonic())
    try:
        return outcome_of(lambda: _ask(version, room, calls.until, lines))
    finally:
        calls.take(rooms.close_room(room.key))


def _ask(version: AgentVersion, room: rooms.Room, until: float, lines: Sequence[Line]) -> RunOutcome:
    server = active_server()
    flow = client_of(server).read_flow(version.flow)
    if flow.pauses:
        raise FlowFailed(PAUSES)
    if not version.is_draft and flow.digest != activated_digest(version):
        raise FlowFailed(CHANGED)
    session = open_trial_session(server, room.key, version.pk)
    outcome = answer_of(
        version,
        server,
        input_of(lines, with_history=True),
        session=session.name,
        token=make_trial_token(room.key, version),
        hear=lambda _: None,  # nobody listens while it is made
        seconds=max(LEAST, until - time.monotonic()),
    )
    erase_soon(session)
    return outcome

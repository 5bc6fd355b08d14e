"""Every move on a request that people make, by its name."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from hitl.approvals.change.close import cancel, revoke, undo
from hitl.approvals.change.edit import edit, resubmit
from hitl.approvals.change.escalate import escalate_now
from hitl.approvals.change.holds import hold, release
from hitl.approvals.change.propose import propose
from hitl.approvals.decide.decide import decide
from hitl.approvals.decide.flags import clear_flag, set_flag
from hitl.approvals.decide.override import close_review, override
from hitl.approvals.decide.questions import answer, ask, send_back
from hitl.approvals.decide.reassign import delegate, reassign
from hitl.execution.reconcile import probe_now, resolve

MOVES: Final[Mapping[str, Callable[..., Any]]] = {
    move.__name__: move
    for move in (
        *(propose, decide, override, edit, resubmit, ask, answer, send_back, delegate, reassign, escalate_now),
        *(hold, release, cancel, revoke, undo, probe_now, resolve, close_review, set_flag, clear_flag),
    )
}

"""What may be done with approvals: the services other apps call."""

from hitl.services.asking import answer, ask, send_back
from hitl.services.closing import cancel, expire, lapse, resolve, revoke
from hitl.services.deciding import decide
from hitl.services.editing import edit, resubmit
from hitl.services.executing import execute, probe
from hitl.services.holding import hold, release
from hitl.services.overriding import close_review, override
from hitl.services.proposing import propose
from hitl.services.switching import (
    hold_covered,
    release_global,
    release_switch,
    throw_global,
    throw_switch,
)
from hitl.services.workflows import create_group, create_workflow, retire_workflow, revise_workflow

__all__ = [
    "answer",
    "ask",
    "cancel",
    "close_review",
    "create_group",
    "create_workflow",
    "decide",
    "edit",
    "execute",
    "expire",
    "hold",
    "hold_covered",
    "lapse",
    "override",
    "probe",
    "propose",
    "release",
    "release_global",
    "release_switch",
    "resolve",
    "resubmit",
    "retire_workflow",
    "revise_workflow",
    "revoke",
    "send_back",
    "throw_global",
    "throw_switch",
]

"""What may be done with approvals: the services other apps call."""

from hitl.services.closing import cancel, expire, lapse, resolve, revoke
from hitl.services.deciding import decide
from hitl.services.executing import execute, probe
from hitl.services.holding import hold, release
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
    "cancel",
    "create_group",
    "create_workflow",
    "decide",
    "execute",
    "expire",
    "hold",
    "hold_covered",
    "lapse",
    "probe",
    "propose",
    "release",
    "release_global",
    "release_switch",
    "resolve",
    "retire_workflow",
    "revise_workflow",
    "revoke",
    "throw_global",
    "throw_switch",
]

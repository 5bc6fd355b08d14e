"""What may be done with approvals: the services other apps call."""

from hitl.services.allowing import set_link_policy
from hitl.services.asking import answer, ask, send_back
from hitl.services.calendars import create_calendar, delete_calendar, revise_calendar
from hitl.services.closing import cancel, expire, lapse, resolve, revoke
from hitl.services.deciding import decide
from hitl.services.editing import edit, find_returned, resubmit
from hitl.services.escalating import escalate, escalate_now, remind
from hitl.services.executing import execute, probe, probe_now
from hitl.services.groups import create_group, delete_group, revise_group
from hitl.services.holding import hold, release
from hitl.services.lending import end_delegation, open_delegation
from hitl.services.linking import decide_by_link, make_link
from hitl.services.overriding import close_review, override
from hitl.services.passing import delegate, reassign
from hitl.services.policies import create_cap, retire_cap, revise_cap, set_risk_policy
from hitl.services.proposing import find_repeat, propose
from hitl.services.switching import (
    hold_covered,
    release_global,
    release_switch,
    throw_global,
    throw_switch,
)
from hitl.services.watching import watch_seats
from hitl.services.workflows import (
    copy_workflow,
    create_workflow,
    restore_workflow,
    retire_workflow,
    revise_workflow,
    share_workflow,
)

__all__ = [
    "answer",
    "ask",
    "cancel",
    "close_review",
    "copy_workflow",
    "create_calendar",
    "create_cap",
    "create_group",
    "create_workflow",
    "decide",
    "decide_by_link",
    "delegate",
    "delete_calendar",
    "delete_group",
    "edit",
    "end_delegation",
    "escalate",
    "escalate_now",
    "execute",
    "expire",
    "find_repeat",
    "find_returned",
    "hold",
    "hold_covered",
    "lapse",
    "make_link",
    "open_delegation",
    "override",
    "probe",
    "probe_now",
    "propose",
    "reassign",
    "release",
    "release_global",
    "release_switch",
    "remind",
    "resolve",
    "restore_workflow",
    "resubmit",
    "retire_cap",
    "retire_workflow",
    "revise_calendar",
    "revise_cap",
    "revise_group",
    "revise_workflow",
    "revoke",
    "send_back",
    "set_link_policy",
    "set_risk_policy",
    "share_workflow",
    "throw_global",
    "throw_switch",
    "watch_seats",
]

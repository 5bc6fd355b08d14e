"""The services of approvals, for all callers."""

from hitl.approvals.change.close import cancel, expire, lapse, revoke, undo
from hitl.approvals.change.edit import edit, edit_and_approve, find_returned, resubmit
from hitl.approvals.change.escalate import escalate, escalate_now, remind
from hitl.approvals.change.holds import hold, release
from hitl.approvals.change.propose import find_repeat, propose
from hitl.approvals.change.watch_assignments import align_rights, watch_assignments
from hitl.approvals.decide.decide import CONSOLE, decide
from hitl.approvals.decide.delegations import end_delegation, open_delegation
from hitl.approvals.decide.first_view import note_view
from hitl.approvals.decide.flags import clear_flag, set_flag
from hitl.approvals.decide.notes import add_note
from hitl.approvals.decide.override import close_review, override
from hitl.approvals.decide.questions import answer, ask, send_back
from hitl.approvals.decide.reassign import delegate, reassign
from hitl.approvals.decide.rights import note_refused_move
from hitl.approvals.state.votes import REASON_LIMIT
from hitl.batches.batches import get_batch, open_batch, undo_batch
from hitl.batches.preview import preview_batch
from hitl.batches.work import work_batch
from hitl.decision_links.links import decide_by_link, make_link
from hitl.decision_links.presses import PRESSED, actor_of_press, check_press, decide_by_press, why_not_press
from hitl.decision_links.rules import can_be_decided_by_link
from hitl.decision_links.settings import set_link_policy
from hitl.evidence.export import export_approval
from hitl.evidence.periods import export_period, read_period, read_register, stop_export
from hitl.execution.execute import execute
from hitl.execution.kill_switch_activation import (
    activate_global,
    activate_kill_switch,
    hold_covered,
    release_global,
    release_kill_switch,
)
from hitl.execution.reconcile import probe, probe_now, resolve
from hitl.exports.approvals import export_list
from hitl.notifications.create import settle_notices
from hitl.notifications.preferences import alert_may_leave_at, set_notification_preference
from hitl.notifications.recipients import why_unneeded
from hitl.notifications.texts import own_text, reset_notification_template, set_notification_template
from hitl.notifications.track import Status, track_notification
from hitl.policy.calendars import create_calendar, delete_calendar, revise_calendar
from hitl.policy.decision_policy import set_decision_policy
from hitl.policy.limits.caps import create_cap, retire_cap, revise_cap
from hitl.policy.limits.flags import create_flag, retire_flag, revise_flag
from hitl.policy.limits.risk_weights import set_risk_policy
from hitl.policy.workflows.groups import create_group, delete_group, revise_group
from hitl.policy.workflows.workflows import (
    copy_workflow,
    create_workflow,
    restore_workflow,
    retire_workflow,
    revise_workflow,
    share_workflow,
)
from hitl.simulation.runs import run_simulation, save_simulated, start_simulation, stop_simulation

__all__ = [
    "CONSOLE",
    "PRESSED",
    "REASON_LIMIT",
    "Status",
    "activate_global",
    "activate_kill_switch",
    "actor_of_press",
    "add_note",
    "alert_may_leave_at",
    "align_rights",
    "answer",
    "ask",
    "can_be_decided_by_link",
    "cancel",
    "check_press",
    "clear_flag",
    "close_review",
    "copy_workflow",
    "create_calendar",
    "create_cap",
    "create_flag",
    "create_group",
    "create_workflow",
    "decide",
    "decide_by_link",
    "decide_by_press",
    "delegate",
    "delete_calendar",
    "delete_group",
    "edit",
    "edit_and_approve",
    "end_delegation",
    "escalate",
    "escalate_now",
    "execute",
    "expire",
    "export_approval",
    "export_list",
    "export_period",
    "find_repeat",
    "find_returned",
    "get_batch",
    "hold",
    "hold_covered",
    "lapse",
    "make_link",
    "note_refused_move",
    "note_view",
    "open_batch",
    "open_delegation",
    "override",
    "own_text",
    "preview_batch",
    "probe",
    "probe_now",
    "propose",
    "read_period",
    "read_register",
    "reassign",
    "release",
    "release_global",
    "release_kill_switch",
    "remind",
    "reset_notification_template",
    "resolve",
    "restore_workflow",
    "resubmit",
    "retire_cap",
    "retire_flag",
    "retire_workflow",
    "revise_calendar",
    "revise_cap",
    "revise_flag",
    "revise_group",
    "revise_workflow",
    "revoke",
    "run_simulation",
    "save_simulated",
    "send_back",
    "set_decision_policy",
    "set_flag",
    "set_link_policy",
    "set_notification_preference",
    "set_notification_template",
    "set_risk_policy",
    "settle_notices",
    "share_workflow",
    "start_simulation",
    "stop_export",
    "stop_simulation",
    "track_notification",
    "undo",
    "undo_batch",
    "watch_assignments",
    "why_not_press",
    "why_unneeded",
    "work_batch",
]

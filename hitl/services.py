"""The services of approvals that other apps use; inside `hitl`, import the modules themselves."""

from hitl.approvals.change.close import cancel, expire
from hitl.approvals.change.edit import find_returned, resubmit
from hitl.approvals.change.propose import propose
from hitl.approvals.decide.decide import decide
from hitl.approvals.decide.questions import answer
from hitl.approvals.decide.rights import note_refused_move
from hitl.approvals.state.votes import REASON_LIMIT
from hitl.decision_links.links import make_link
from hitl.decision_links.presses import PRESSED, PressedVote, check_press, decide_by_press, why_not_press
from hitl.decision_links.rules import can_be_decided_by_link
from hitl.execution.execute import execute
from hitl.notifications.create import settle_notices
from hitl.notifications.preferences import alert_may_leave_at
from hitl.notifications.recipients import why_unneeded
from hitl.notifications.send import Status, track_notification
from hitl.notifications.texts import own_text
from hitl.policy.calendars import create_calendar
from hitl.policy.limits.caps import create_cap
from hitl.policy.workflows.groups import create_group
from hitl.policy.workflows.workflows import create_workflow

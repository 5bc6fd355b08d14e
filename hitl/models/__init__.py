"""Rows of the approval engine."""

from hitl.models.approval import Approval, Counter
from hitl.models.calendar import BusinessCalendar
from hitl.models.policy import Cap, CapReservation, LinkPolicy, RiskPolicy
from hitl.models.revisions import OverrideReview, Revision
from hitl.models.running import Execution, Notification, Timer
from hitl.models.switches import GlobalKillSwitch, KillSwitch
from hitl.models.votes import Decision, DecisionToken, Delegation, Seat
from hitl.models.workflow import ApprovalLevel, ApprovalWorkflow, ApproverGroup, GroupMember

__all__ = [
    "Approval",
    "ApprovalLevel",
    "ApprovalWorkflow",
    "ApproverGroup",
    "BusinessCalendar",
    "Cap",
    "CapReservation",
    "Counter",
    "Decision",
    "DecisionToken",
    "Delegation",
    "Execution",
    "GlobalKillSwitch",
    "GroupMember",
    "KillSwitch",
    "LinkPolicy",
    "Notification",
    "OverrideReview",
    "Revision",
    "RiskPolicy",
    "Seat",
    "Timer",
]

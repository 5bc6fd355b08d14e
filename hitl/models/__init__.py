"""Rows of the approval engine."""

from hitl.models.approval import Approval, Counter
from hitl.models.batches import BatchDecision, BatchItem
from hitl.models.calendars import BusinessCalendar
from hitl.models.decisions import Assignment, Decision, DecisionToken, Delegation
from hitl.models.evidence import EvidenceExport, EvidencePart
from hitl.models.execution import Execution, LateReport, Notification, Timer
from hitl.models.kill_switches import GlobalKillSwitch, KillSwitch
from hitl.models.notes import ApprovalNote
from hitl.models.notifications import NotificationPreference, NotificationTemplate
from hitl.models.policy import Cap, CapReservation, ComplianceFlag, DecisionPolicy, LinkPolicy, RiskPolicy
from hitl.models.revisions import OverrideReview, Revision
from hitl.models.search import ApprovalText
from hitl.models.simulations import Simulation
from hitl.models.workflows import ApprovalLevel, ApprovalWorkflow, ApproverGroup, GroupMember

__all__ = [
    "Approval",
    "ApprovalLevel",
    "ApprovalNote",
    "ApprovalText",
    "ApprovalWorkflow",
    "ApproverGroup",
    "Assignment",
    "BatchDecision",
    "BatchItem",
    "BusinessCalendar",
    "Cap",
    "CapReservation",
    "ComplianceFlag",
    "Counter",
    "Decision",
    "DecisionPolicy",
    "DecisionToken",
    "Delegation",
    "EvidenceExport",
    "EvidencePart",
    "Execution",
    "GlobalKillSwitch",
    "GroupMember",
    "KillSwitch",
    "LateReport",
    "LinkPolicy",
    "Notification",
    "NotificationPreference",
    "NotificationTemplate",
    "OverrideReview",
    "Revision",
    "RiskPolicy",
    "Simulation",
    "Timer",
]

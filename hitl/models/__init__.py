"""Rows of the approval engine."""

from hitl.approvals.models.approval import Approval, Counter, Timer
from hitl.approvals.models.decisions import Assignment, Decision, DecisionToken, Delegation
from hitl.approvals.models.revisions import ApprovalNote, OverrideReview, Revision
from hitl.approvals.models.search import ApprovalText
from hitl.batches.models import BatchDecision, BatchItem
from hitl.evidence.models import EvidenceExport, EvidencePart
from hitl.execution.models import Execution, LateReport
from hitl.killswitch.models import GlobalKillSwitch, KillSwitch
from hitl.notifications.models import Notification, NotificationPreference, NotificationTemplate
from hitl.policy.models.policies import Cap, CapReservation, ComplianceFlag, DecisionPolicy, LinkPolicy, RiskPolicy
from hitl.policy.models.workflows import ApprovalLevel, ApprovalWorkflow, ApproverGroup, BusinessCalendar, GroupMember
from hitl.simulation.models import Simulation

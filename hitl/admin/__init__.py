"""Load the console pages of approvals and their policies; Django's autodiscovery imports this package."""

from hitl.approvals.admin import dashboard, model_admin, out_of_office, override_reviews
from hitl.batches import admin as batches
from hitl.decision_links import admin as decision_links
from hitl.evidence import admin as evidence
from hitl.killswitch import admin as kill_switches
from hitl.notifications.admin import message_texts
from hitl.notifications.admin import settings as notification_settings
from hitl.policy.admin import calendars, caps, decision_policy, flags, groups, risk_weights, workflows
from hitl.simulation import admin as simulations

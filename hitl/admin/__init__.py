"""Console pages of approvals and their policies; Django's autodiscovery imports this package."""

from hitl.admin import (
    batches,
    dashboard,
    evidence,
    kill_switches,
    notification_settings,
    out_of_office,
    override_reviews,
)
from hitl.admin.approval import model_admin
from hitl.admin.policy import (
    calendars,
    caps,
    decision_links,
    decision_policy,
    flags,
    groups,
    message_texts,
    risk_weights,
    simulations,
    workflows,
)

__all__ = [
    "batches",
    "calendars",
    "caps",
    "dashboard",
    "decision_links",
    "decision_policy",
    "evidence",
    "flags",
    "groups",
    "kill_switches",
    "message_texts",
    "model_admin",
    "notification_settings",
    "out_of_office",
    "override_reviews",
    "risk_weights",
    "simulations",
    "workflows",
]

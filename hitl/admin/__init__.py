"""Console pages of approvals and their policies; Django's autodiscovery imports this package."""

from hitl.admin import dashboard, kill_switches, out_of_office, override_reviews
from hitl.admin.approval import model_admin
from hitl.admin.policy import calendars, decision_links, groups, limits, workflows

__all__ = [
    "calendars",
    "dashboard",
    "decision_links",
    "groups",
    "kill_switches",
    "limits",
    "model_admin",
    "out_of_office",
    "override_reviews",
    "workflows",
]

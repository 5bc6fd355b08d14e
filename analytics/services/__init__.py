"""Services of the daily brief."""

from analytics.services.briefs import list_stuck, make_brief, record_failure
from analytics.services.due_briefs import claim_due, purge_briefs
from analytics.services.on_demand import request_brief
from analytics.services.preferences import change_preference, set_preference, switch_off
from analytics.services.previews import discard_preview, find_preview, preview_brief

__all__ = [
    "change_preference",
    "claim_due",
    "discard_preview",
    "find_preview",
    "list_stuck",
    "make_brief",
    "preview_brief",
    "purge_briefs",
    "record_failure",
    "request_brief",
    "set_preference",
    "switch_off",
]

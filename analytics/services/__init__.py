"""What can be done with the daily brief."""

from analytics.services.briefs import give_up_for_now, list_stuck, make_brief
from analytics.services.due_briefs import claim_due, purge_briefs
from analytics.services.on_demand import ask_for_brief
from analytics.services.preferences import set_preference, switch_off
from analytics.services.previews import kept_preview, preview_brief, renew_preview

__all__ = [
    "ask_for_brief",
    "claim_due",
    "give_up_for_now",
    "kept_preview",
    "list_stuck",
    "make_brief",
    "preview_brief",
    "purge_briefs",
    "renew_preview",
    "set_preference",
    "switch_off",
]

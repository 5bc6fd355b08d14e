"""What Meta and Twilio call the states of templates."""

from typing import Final

# Their words -> ours; all others are still in review.
STATES: Final = {
    "approved": "approved",
    "reinstated": "approved",
    "paused": "paused",
    "flagged": "approved",
    "pending": "pending",
    "in_appeal": "pending",
    "rejected": "rejected",
    "disabled": "disabled",
    "deleted": "gone",
    "pending_deletion": "gone",
}

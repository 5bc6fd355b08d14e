"""Open, edit, hold, escalate and end requests."""

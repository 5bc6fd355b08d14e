"""Outgoing webhooks: an organisation's own addresses that hear of events by signed, thin webhooks."""

"""Outgoing webhooks: signed, delivered at least once and in order, with a log of every attempt."""

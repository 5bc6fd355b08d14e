"""Channels that carry approvals to colleagues."""

"""Approve-by-email links."""

"""Emails by SendGrid: Inbound Parse and signed events."""

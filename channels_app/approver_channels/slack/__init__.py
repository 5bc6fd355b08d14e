"""Approvals in Slack: messages with buttons, and what people press."""

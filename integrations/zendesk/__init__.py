"""Zendesk Support as a ticket system."""

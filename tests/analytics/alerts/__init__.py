"""Alerts: their rules, ways and pages."""

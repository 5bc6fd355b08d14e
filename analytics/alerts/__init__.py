"""Alerts: rules over an organisation's facts, evaluated every half minute, and messages about their changes."""

"""Slack: its door, presses, linked users and messages."""

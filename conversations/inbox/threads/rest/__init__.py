"""Endpoints of notes and of team chat."""

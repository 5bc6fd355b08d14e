"""Seals of the rules."""

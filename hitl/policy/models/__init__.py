"""Rows of the rules."""

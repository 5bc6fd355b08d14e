"""Decide many requests at once."""

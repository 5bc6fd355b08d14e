"""Signing in to the API as a person."""

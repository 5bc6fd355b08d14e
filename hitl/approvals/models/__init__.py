"""Rows of requests."""

"""Errors that are reported."""

"""Requests that are wrong, hostile, repeated or too slow."""

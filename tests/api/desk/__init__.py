"""Conversations and contacts over the API."""

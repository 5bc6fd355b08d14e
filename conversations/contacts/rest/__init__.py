"""Endpoints of contacts and their consents."""

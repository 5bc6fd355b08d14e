"""API endpoints of requests."""

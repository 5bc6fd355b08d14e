"""API endpoints of accounts."""

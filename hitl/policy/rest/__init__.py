"""API endpoints of the rules."""

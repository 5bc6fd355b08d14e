"""API endpoints of conversations, contacts and channel accounts."""

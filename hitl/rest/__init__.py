"""API endpoints of approvals and their policies."""

"""Invitations, and the pages that they lead to."""

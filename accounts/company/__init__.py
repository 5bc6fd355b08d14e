"""Signing in at the company: the organisation's identity provider, what it says of people, and what follows."""

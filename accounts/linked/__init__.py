"""Accounts at Google, Microsoft and GitHub that people link in their profile, and sign in with."""

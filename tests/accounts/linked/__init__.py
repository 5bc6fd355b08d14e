"""Accounts elsewhere that people link and sign in with."""

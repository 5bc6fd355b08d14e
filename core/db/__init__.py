"""Locks and database roles."""

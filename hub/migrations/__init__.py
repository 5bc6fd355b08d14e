"""Migrations of the hub."""

"""Upgrades while the site runs."""

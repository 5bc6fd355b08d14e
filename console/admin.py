"""Registers the admin of core and accounts."""

from console import admin_accounts, admin_audit

__all__ = ["admin_accounts", "admin_audit"]

"""Registers the admin of core and accounts."""

from console import admin_accounts, admin_audit, admin_erasures, admin_failures, admin_invitations

__all__ = ["admin_accounts", "admin_audit", "admin_erasures", "admin_failures", "admin_invitations"]

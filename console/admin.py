"""Registers the admin of core and accounts."""

from console.pages import accounts, audit, erasures, event_lag, failed_jobs, invitations, notices, saved_views

__all__ = ["accounts", "audit", "erasures", "event_lag", "failed_jobs", "invitations", "notices", "saved_views"]

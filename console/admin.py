"""Registers the admin of core and accounts."""

from console.pages import (
    accounts,
    audit,
    erasures,
    failed_jobs,
    invitations,
    notices,
    organisation,
    profile,
    saved_views,
)

__all__ = [
    "accounts",
    "audit",
    "erasures",
    "failed_jobs",
    "invitations",
    "notices",
    "organisation",
    "profile",
    "saved_views",
]

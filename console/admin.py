"""Registers the admin of core and accounts."""

from console.pages import (
    accounts,
    audit,
    company,
    erasures,
    failed_jobs,
    invitations,
    notices,
    organisation,
    profile,
    retention,
    roles,
    saved_views,
    shares,
    tiers,
)

__all__ = [
    "accounts",
    "audit",
    "company",
    "erasures",
    "failed_jobs",
    "invitations",
    "notices",
    "organisation",
    "profile",
    "retention",
    "roles",
    "saved_views",
    "shares",
    "tiers",
]

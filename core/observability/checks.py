"""System checks: missing keys or missing tenant policies keep the installation from starting."""

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError

from core.errors import Unavailable
from core.privacy.encryption import key_ring


@register(Tags.security)
def check_keys(**_: Any) -> list[CheckMessage]:
    """Report a missing or unreadable key ring."""
    try:
        key_ring()
    except (Unavailable, ValueError) as error:
        return [Error(str(error), hint="Set WALKER_KEYS to id:base64 of 32 bytes.", id="core.E001")]
    return []


@register(Tags.database)
def check_wall(**options: Any) -> list[CheckMessage]:
    """Report tables without active row-level security for the current database role."""
    from core.tenancy.rls import problems  # noqa: PLC0415

    if not options.get("databases"):
        return []
    try:
        found = problems()
    except DatabaseError:
        return [Error("The database cannot be reached.", id="core.E002")]
    return [Error(problem, id="core.E003") for problem in found]

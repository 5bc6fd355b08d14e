"""Run migrations as the owner of the tables; everything else runs as the application role."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connection


def owner_settings() -> dict[str, Any]:
    """Return the connection settings of the owner: its login, without tenant wall and pool."""
    owner: dict[str, Any] = dict(settings.DATABASE_OWNER)
    # Also where the owner logs in as the application does, whose role has time limits.
    unlimited = " ".join(f"-c {name}=0" for name in settings.DATABASE_LIMITS)
    given = f"-c walker.migrate=on {unlimited}"
    options = {**owner.get("OPTIONS", {}), "tenant_wall": False, "options": given}
    return {**owner, "OPTIONS": options}


@contextmanager
def as_owner() -> Iterator[None]:
    """Reconnect the default connection as the owner inside the block."""
    before = dict(connection.settings_dict)
    connection.close()
    owner = owner_settings()
    keep = {"NAME": before["NAME"]}
    connection.settings_dict.update({**owner, **keep})
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)

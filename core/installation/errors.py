"""The check of where errors are reported, also when Walker starts."""

import socket
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks

from core.installation.registry import Check, Finding, failure, register, warning, well
from core.observability.errors import receiver

CONNECT: Final = 3.0
_NO_ADDRESS: Final = "SENTRY_DSN isn't an address such as https://KEY@HOST/1, so errors are only in the log."
_GIVE_ONE: Final = "Copy the DSN from your project's settings at the receiver, or leave SENTRY_DSN empty."
_NO_LIBRARY: Final = "SENTRY_DSN is set, but sentry-sdk isn't installed, so errors are only in the log."
_INSTALL: Final = f"Install Walker's packages with the extra “{receiver.EXTRA}”, then restart its processes."


def errors() -> Finding:
    """Find where errors are reported, connect to it (outside call), and tell when it last took one."""
    if not settings.SENTRY_DSN:
        return well("Errors are only in the log: SENTRY_DSN is empty.")
    host = receiver.host()
    if not host:
        return failure(_NO_ADDRESS, _GIVE_ONE)
    if not receiver.has_library():
        return failure(_NO_LIBRARY, _INSTALL)
    parts = urlsplit(settings.SENTRY_DSN)
    try:
        # The address is the operator's: no tenant has a say.
        socket.create_connection((host, parts.port or (443 if parts.scheme == "https" else 80)), CONNECT).close()
    except OSError:
        return warning(
            f"Errors are reported to {host}, which this machine can't reach: they are lost.",
            "See whether the receiver runs and lets this machine in.",
        )
    taken = receiver.last_sent()
    when = f"last one on {datetime.fromtimestamp(taken, tz=UTC):%d %B %Y at %H:%M} UTC" if taken else "none yet"
    return well(f"Errors are reported to {host}: {when}.")


@checks.register(checks.Tags.security)
def check_receiver(**_: Any) -> list[checks.CheckMessage]:
    """Report an address of errors that leads nowhere. Walker runs without one."""
    if not settings.SENTRY_DSN:
        return []
    if not receiver.host():
        return [checks.Warning(_NO_ADDRESS, hint=_GIVE_ONE, id="core.W001")]
    if not receiver.has_library():
        return [checks.Warning(_NO_LIBRARY, hint=_INSTALL, id="core.W002")]
    return []


register(Check("errors", "Error reports", errors))

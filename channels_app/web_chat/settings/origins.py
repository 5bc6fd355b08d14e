"""Decide which websites may use a widget: scheme, host and port have to match exactly."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host

DEFAULT_PORTS = {"http": 80, "https": 443}


def normalise(origin: str) -> str:
    """Return `scheme://host:port` in normal form, or "" if it is not a web origin."""
    try:
        parts = urlsplit(origin.strip())
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        return ""
    if parts.username or parts.password or parts.path not in ("", "/") or parts.query or parts.fragment:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname.rstrip(".")
    return f"{parts.scheme}://{host}:{port if port is not None else DEFAULT_PORTS[parts.scheme]}"


def is_allowed(origin: str | None, *, registered: Iterable[str], own: Iterable[str] = ()) -> bool:
    """Return True if a page of this origin may use the widget.

    Without an Origin header the client is not a browser page (an app, a server), and only the token
    decides. `null` (sandboxed frames, files) is never allowed.
    """
    if origin is None or origin == "":
        return True
    asked = normalise(origin)
    if not asked:
        return False
    return asked in {normalise(one) for one in (*own, *registered)}


def own_origins(host: str, *, secure: bool) -> tuple[str, ...]:
    """Return the origins of our own pages. These are the public URL, and the requested host if it is ours."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:  # such as an unclosed bracket
        name = ""
    if not name or not validate_host(name, settings.ALLOWED_HOSTS):
        return (settings.PUBLIC_URL,)
    return settings.PUBLIC_URL, f"{'https' if secure else 'http'}://{host}"

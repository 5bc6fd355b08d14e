"""The servers of Redis by their role: broker, cache and layer, at one address or at several."""

import ssl
from typing import Any, Final, Literal

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

Role = Literal["broker", "cache", "layer"]
ROLES: Final[tuple[Role, ...]] = ("broker", "cache", "layer")
SECONDS: Final = 2
"""How long a look-up waits that nothing depends on."""


def tls_options(url: str, ca: str) -> dict[str, Any]:
    """Return what a client needs besides an address of `rediss://`, for one without TLS nothing.

    `ca` are certificates in PEM, "" for those of the machine alone. Server and host name are always checked.
    """
    if not url.startswith("rediss:"):
        return {}
    return {"ssl_cert_reqs": "required", "ssl_check_hostname": True, **({"ssl_ca_data": ca} if ca else {})}


def celery_tls(url: str, ca: str) -> dict[str, Any] | None:
    """Return the same for Celery, which checks no certificate unless told so."""
    options = tls_options(url, ca)
    return {**options, "ssl_cert_reqs": ssl.CERT_REQUIRED} if options else None


def options_of(url: str) -> dict[str, Any]:
    """Return the options of a client that looks something up: short time limits, and TLS."""
    times = {"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS}
    return {**times, **tls_options(url, settings.REDIS_CA)}


def client_of(url: str) -> Redis:
    """Return a client of one server that looks something up."""
    # Once more at once; the library's own retries wait for seconds in between.
    return Redis.from_url(url, retry=Retry(NoBackoff(), 1), **options_of(url))


def addresses() -> dict[str, list[Role]]:
    """Return the address of each server, with the roles that it has."""
    found: dict[str, list[Role]] = {}
    for role in ROLES:
        for url in _urls_of(role):
            if role not in (roles := found.setdefault(url, [])):
                roles.append(role)
    return found


def title_of(url: str) -> str:
    """Return what a server is called, as the settings name it; never its address, which has a password."""
    if len(addresses()) == 1:
        return "Redis"
    named = []
    for role in addresses()[url]:
        urls = _urls_of(role)
        named.append(f"the Redis of the {role}{f' {urls.index(url) + 1}' if len(urls) > 1 else ''}")
    return " and ".join(named)


def setting_of(url: str) -> str:
    """Return the settings that name a server."""
    names = {"broker": "BROKER_URL", "cache": "CACHE_URL", "layer": "LAYER_URLS"}
    found = [names[role] for role in addresses().get(url, []) if url != settings.REDIS_URL]
    return ", ".join(found) or "REDIS_URL"


def _urls_of(role: Role) -> list[str]:
    return {"broker": [settings.BROKER_URL], "cache": [settings.CACHE_URL], "layer": settings.LAYER_URLS}[role]

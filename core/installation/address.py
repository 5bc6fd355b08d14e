"""Checks of how people and providers reach this installation: demo, stand-ins, hosts, address, certificate, proxies."""

import socket
import ssl
import time
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from core.http import host_of
from core.installation.registry import Check, Finding, failure, register, warning, well

DAY: Final = 86_400
SOON: Final = 21
"""Days before its end from which a certificate is a warning."""
LATE: Final = 7
"""Days before its end from which it is a failure."""
CONNECT: Final = 3.0
ADDRESS_ENDINGS: Final = ("_API_BASE", "_LOGIN_BASE", "_TOKEN_BASE", "_CONTENT_BASE")
"""What settings end with that say where a vendor is called."""
SIGN_IN_ADDRESSES: Final = {"base": "LOGIN_BASE", "api": "API_BASE"}
"""What the settings are called after the provider, by where `SIGN_IN_WITH` has their values."""


def is_local(url: str = "") -> bool:
    """Return True if an address, by default PUBLIC_URL, is of this machine: a trial, which nobody else can reach."""
    host = host_of(url or settings.PUBLIC_URL)
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def in_production(text: str, next_step: str) -> Finding:
    """Return a failure; for a trial on one machine only a warning."""
    return (warning if is_local() else failure)(text, next_step)


def demo() -> Finding:
    """Find the demo, whose visitors can sign in as its members and whose metrics are open."""
    if settings.WALKER_DEMO:
        return in_production(
            "The demo is on: its pages sign visitors in, and metrics are open.",
            "Start without WALKER_DEMO (./walker run --no-demo).",
        )
    return well("The demo is off.")


def stand_ins() -> Finding:
    """Find sandbox systems, and vendors that are called on this machine or without TLS."""
    named = [name for name in dir(settings) if name.startswith("SANDBOX_") and name.endswith("_URL")]
    called = {name: getattr(settings, name) for name in dir(settings) if name.endswith(ADDRESS_ENDINGS)}
    for provider, app in settings.SIGN_IN_WITH.items():
        called.update({f"{provider.upper()}_{name}": app.get(key) for key, name in SIGN_IN_ADDRESSES.items()})
    found = [name for name in named if getattr(settings, name)]
    found += [name for name, url in called.items() if url and (url.startswith("http://") or is_local(url))]
    if not found:
        return well("No sandbox stands in for an outside system.")
    return in_production(
        f"Sandboxes stand in for outside systems: {', '.join(sorted(found))}.", "Leave these settings empty."
    )


def hosts() -> Finding:
    """Find wildcards among the hosts that are answered to, and whether the public one is there."""
    wild = [host for host in settings.ALLOWED_HOSTS if host.startswith(("*", "."))]
    if wild:
        return in_production(
            f"ALLOWED_HOSTS lets other names through: {', '.join(wild)}.",
            "Name each host in ALLOWED_HOSTS: links in emails are made from PUBLIC_URL, pages trust the host.",
        )
    host = _public().hostname or ""
    if host not in {one.strip("[]").lower() for one in settings.ALLOWED_HOSTS}:
        return failure(f"ALLOWED_HOSTS lacks {host}, the host of PUBLIC_URL.", f"Add {host} to ALLOWED_HOSTS.")
    return well(f"Only {len(settings.ALLOWED_HOSTS)} named hosts are answered to.")


def public_url() -> Finding:
    """Find an address that others can't reach, or that has no TLS."""
    if is_local():
        return warning(
            "PUBLIC_URL is an address of this machine: nobody else can follow a link, and no provider can call.",
            "Set PUBLIC_URL to the https address that people and providers use.",
        )
    parts = _public()
    if parts.scheme != "https" or not parts.hostname or parts.path or parts.query or parts.username:
        return failure(
            "PUBLIC_URL isn't an https address of a host alone.",
            "Set PUBLIC_URL to https://HOST, and let a proxy in front of Walker end TLS.",
        )
    return well("PUBLIC_URL is an https address.")


def certificate() -> Finding:
    """Connect to PUBLIC_URL and find for how many days its certificate holds (outside call)."""
    parts = _public()
    if parts.scheme != "https" or not parts.hostname:
        return warning("PUBLIC_URL has no certificate, as it isn't an https address.", "See the check of PUBLIC_URL.")
    try:
        with (
            # The address is the operator's: no tenant has a say.
            socket.create_connection((parts.hostname, parts.port or 443), timeout=CONNECT) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname) as link,
        ):
            shown = link.getpeercert() or {}
        days = (ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()) / DAY
    except ssl.SSLCertVerificationError as problem:
        return failure(
            f"The certificate of {parts.hostname} isn't trusted: {problem.verify_message}.",
            "Renew it with its whole chain, for the host of PUBLIC_URL.",
        )
    except OSError:
        return failure(
            f"This machine can't reach {parts.hostname} by TLS, so its certificate isn't known.",
            "See whether the proxy runs and the name leads to it, also from this machine.",
        )
    said = f"The certificate of {parts.hostname} holds for {days:.0f} more days."
    if days < SOON:
        return (failure if days < LATE else warning)(said, "Renew it, and see why that didn't happen by itself.")
    return well(said)


def proxies() -> Finding:
    """Find proxies that are missing, not an address, or everybody."""
    named = settings.TRUSTED_PROXIES
    if not named and settings.IS_HTTPS:
        return warning(
            "TLS ends at a proxy, and TRUSTED_PROXIES names none: all clients seem to have the proxy's address.",
            "Set TRUSTED_PROXIES to the proxy's address, as Walker sees it.",
        )
    for proxy in named:
        try:
            network = ip_network(proxy, strict=False)
        except ValueError:
            return failure(f"TRUSTED_PROXIES has “{proxy[:50]}”, which is no address.", "Name addresses of proxies.")
        if network.prefixlen == 0:
            return failure(
                "TRUSTED_PROXIES trusts every address, so clients can claim any address as theirs.",
                "Name only your own proxies in TRUSTED_PROXIES.",
            )
    return well(f"{len(named)} proxies are trusted." if named else "No proxy is trusted, and none is needed.")


def _public() -> SplitResult:
    parts: SplitResult = urlsplit(settings.PUBLIC_URL)
    return parts


register(Check("demo", "Demo", demo))
register(Check("stand_ins", "Sandboxes", stand_ins))
register(Check("hosts", "Allowed hosts", hosts))
register(Check("public_url", "Public address", public_url))
register(Check("certificate", "Certificate", certificate, seconds=8.0))
register(Check("proxies", "Trusted proxies", proxies))

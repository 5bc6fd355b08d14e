"""Send lines to a security system by syslog over TLS or by HTTPS: all of them are confirmed, or it raises."""

import fcntl
import re
import socket
import ssl
import struct
import termios
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

import httpx2
from django.conf import settings

from core.http import (
    Address,
    EgressRefused,
    NoAnswer,
    NotSent,
    OutgoingHttp,
    Patience,
    checked_addresses,
    url_problem,
)
from integrations.siem.errors import SendFailed
from integrations.siem.lines import Line, syslog_frame
from integrations.siem.models import AuditDestination

URL_LIMIT: Final = 500
SYSLOG_PORT: Final = 6514
SECONDS: Final = 20.0
"""What sending a batch may take in all."""
CONNECT_SECONDS: Final = 5.0
"""What one address of a host may take to accept a connection."""
PATIENCE: Final = Patience(connect=3.0, read=15.0, total=SECONDS, max_bytes=64_000)
SUCCESS: Final = range(200, 300)
_HOST: Final = re.compile(r"[a-z0-9_][a-z0-9._:-]{0,252}")
Kind = AuditDestination.Kind


def target_of(kind: str, address: str) -> tuple[str, int]:
    """Return the host and the port that an address names. Raises ValueError for what is no address."""
    is_syslog = kind == Kind.SYSLOG
    parts = urlsplit(f"//{address}" if is_syslog else address)
    return parts.hostname or "", parts.port or (SYSLOG_PORT if is_syslog else 443)


def address_problem(kind: str, address: str) -> str:
    """Return why an address can't be used, or ""; whether its host is public is asked apart."""
    if kind != Kind.SYSLOG:
        return url_problem(address, "https://host/path", limit=URL_LIMIT, own_hosts=())
    try:
        host, port = target_of(kind, address)
    except ValueError:
        host, port = "", 0
    written = f"[{host}]" if ":" in host else host
    is_right = _HOST.fullmatch(host) and address.lower() in (written, f"{written}:{port}")
    return "" if is_right else f"Enter it as host:port, such as siem.example.com:{SYSLOG_PORT}."


def authority_problem(authority: str) -> str:
    """Return why a text can't be used as a CA certificate, or ""."""
    if "PRIVATE KEY" in authority:
        return "Paste the certificate alone, without a private key."
    try:
        trust_in(authority)
    except (ssl.SSLError, TypeError, ValueError):
        return "Paste a certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----."
    return ""


@lru_cache(maxsize=64)
def trust_in(authority: str) -> ssl.SSLContext:
    """Return what verifies certificates: the CA of the text and no other, without one those of the system."""
    return ssl.create_default_context(cadata=authority or None)


def addresses_of(host: str, port: int) -> list[Address]:
    """Return the addresses of a host, which are public unless the operator allows it. Raises SendFailed."""
    try:
        return checked_addresses(host, port, frozenset(settings.SIEM_HOSTS))
    except EgressRefused:
        raise SendFailed("private_address") from None
    except httpx2.ConnectError:
        raise SendFailed("not_reachable") from None


def send(destination: AuditDestination, lines: Sequence[Line]) -> None:
    """Send lines in their order. Raises SendFailed unless all are known to have arrived. Not inside a transaction."""
    sender = send_syslog if destination.kind == Kind.SYSLOG else send_https
    sender(destination, lines)


def send_https(destination: AuditDestination, lines: Sequence[Line]) -> None:
    """Post lines as one body; an answer of success confirms them. Raises SendFailed."""
    url, authority = destination.address, destination.authority
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    headers = {"Content-Type": "application/x-ndjson", "User-Agent": "Walker-Audit/1"}
    if destination.token:
        scheme = "Splunk" if destination.kind == Kind.SPLUNK else "Bearer"
        headers["Authorization"] = f"{scheme} {destination.token}"
    client = OutgoingHttp(
        origin,
        headers=headers,
        patience=PATIENCE,
        private_hosts=settings.SIEM_HOSTS,
        trust=trust_in(authority) if authority else None,
        provider="siem",
    )
    try:
        content = b"".join(line.text + b"\n" for line in lines)
        answer = client.request("POST", url.removeprefix(origin) or "/", content=content)
    finally:
        client.close()
    if isinstance(answer, NotSent):
        raise SendFailed("private_address" if answer.code == "egress_refused" else "not_reachable")
    if isinstance(answer, NoAnswer):
        raise SendFailed("timed_out" if answer.code == "timed_out" else "not_confirmed")
    if answer.status not in SUCCESS:
        raise SendFailed(f"http_{answer.status}", answer.retry_after)


def send_syslog(destination: AuditDestination, lines: Sequence[Line]) -> None:
    """Send lines over a connection of their own; its orderly end confirms them. Raises SendFailed.

    Syslog has no answers. Its receiver closes the connection once it has read that we do, which is after our lines.
    """
    ends = time.monotonic() + SECONDS
    content = memoryview(b"".join(map(syslog_frame, lines)))
    try:
        line = connect(destination, ends)
    except ssl.SSLCertVerificationError:
        raise SendFailed("certificate") from None
    except OSError:
        raise SendFailed("not_reachable") from None
    try:
        with line:
            while content:
                line.settimeout(_left(ends))
                content = content[line.send(content) :]
            line.settimeout(_left(ends))
            with suppress(ssl.SSLEOFError):  # rsyslog with GnuTLS ends the connection without saying so
                line.unwrap()
            is_read = has_taken_all(line)
    except TimeoutError:
        raise SendFailed("timed_out") from None
    except OSError:
        raise SendFailed("not_confirmed") from None
    if not is_read:
        raise SendFailed("not_confirmed")


def connect(destination: AuditDestination, ends: float) -> ssl.SSLSocket:
    """Return a connection whose certificate is right for the host, at its first address that takes one.

    Raises SendFailed and OSError.
    """
    host, port = target_of(destination.kind, destination.address)
    trust, problem = trust_in(destination.authority), OSError()
    for address in addresses_of(host, port):
        try:
            with socket.create_connection((str(address), port), timeout=min(CONNECT_SECONDS, _left(ends))) as plain:
                return trust.wrap_socket(plain, server_hostname=host)
        except ssl.SSLError:
            raise
        except OSError as error:
            problem = error
    raise problem


def _left(ends: float) -> float:
    return max(ends - time.monotonic(), 0.001)


def has_taken_all(line: socket.socket) -> bool:
    """Return True unless the other end closed before it had read everything.

    A machine whose program is gone takes nothing more, or answers with a reset, which empties our queue: so the queue
    is asked first.
    """
    (waiting,) = struct.unpack("i", fcntl.ioctl(line.fileno(), termios.TIOCOUTQ, bytes(4)))
    return waiting == 0 and line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0

"""The HTTP client for all outgoing calls: time-outs, no redirects, no proxies, an egress guard.

Failures are values. A caller that changes something outside must know whether the request may have
arrived: `NotSent` proves that it did not, `NoAnswer` leaves it open.
"""

import asyncio
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypedDict, Unpack
from urllib.parse import urlsplit

import httpx2

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_IPV4_AT_THE_END = [ipaddress.ip_network(net) for net in ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96")]
"""What a gateway (NAT64, RFC 6052) or an old system turns into a call to the IPv4 address in the last 32 bits."""

_NOT_GLOBAL = [
    ipaddress.ip_network(net)
    for net in ("64:ff9b:1::/48", "5f00::/16", "3fff::/20", "192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")
]
"""Addresses that Python 3.11 takes for global and that lead inside: gateways of a network's own (RFC 8215), segment
routing, examples, protocols of access networks (RFC 6890), relays to IPv6 (RFC 7526), hosts at Azure."""


@dataclass(frozen=True)
class Patience:
    """Time-outs in seconds (`total` for the whole answer) and the largest answer in bytes."""

    connect: float = 3.0
    read: float = 10.0
    total: float = 20.0
    max_bytes: int = 5_000_000


class Sent(TypedDict, total=False):
    """What a request sends: `files` are names, bytes and content types by field, with a form as multipart/form-data."""

    params: Mapping[str, str] | None
    json: Any
    form: Mapping[str, Any] | None
    files: Mapping[str, tuple[str, bytes, str]] | None
    content: bytes | None
    headers: Mapping[str, str] | None


@dataclass(frozen=True)
class Reply:
    """A complete answer, of any status."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def retry_after(self) -> int | None:
        """Return the seconds, up to an hour, that the server asks to wait; None if it names none."""
        wait = self.headers.get("Retry-After", "")
        return min(int(wait), 3600) if wait.isascii() and wait.isdigit() and len(wait) < 6 else None

    def json(self) -> Any:
        """Return the body as JSON, or None if it isn't JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True)
class NotSent:
    """Proof that nothing was done: no byte of the request left this machine."""

    code: str
    detail: str
    retry: bool


@dataclass(frozen=True)
class NoAnswer:
    """The request may have arrived; its answer did not."""

    code: str
    detail: str


Listener = Callable[[str, Reply | NotSent | NoAnswer, float], None]
"""Hears of each request: the name of who was called, what came of it, and the seconds it took."""

_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Let a function hear of each request; it must neither call nor wait for anything, nor raise."""
    _listeners.append(listener)


class EgressRefused(httpx2.ConnectError):
    """The host's address is not allowed."""


class GuardedTransport(httpx2.BaseTransport):
    """Connects to a checked, global address, so that DNS rebinding has no effect; to `private_hosts` as they are."""

    def __init__(self, inner: httpx2.BaseTransport, *, private_hosts: frozenset[str]) -> None:
        self._inner = inner
        self._private_hosts = private_hosts

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send over the first address that accepts a connection."""
        host, port = _destination(request)
        refusal: httpx2.ConnectError | httpx2.ConnectTimeout | None = None
        for address in checked_addresses(host, port, self._private_hosts):
            try:
                return self._inner.handle_request(_pin(request, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                refusal = error
        raise refusal or httpx2.ConnectError(f"{host} has no address")

    def close(self) -> None:
        self._inner.close()


class GuardedAsyncTransport(httpx2.AsyncBaseTransport):
    """The same guard for clients that are awaited, such as those of model providers."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, *, private_hosts: frozenset[str]) -> None:
        self._inner = inner
        self._private_hosts = private_hosts

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send over the first address that accepts a connection."""
        host, port = _destination(request)
        refusal: httpx2.ConnectError | httpx2.ConnectTimeout | None = None
        # The system's resolver blocks.
        for address in await asyncio.to_thread(checked_addresses, host, port, self._private_hosts):
            try:
                return await self._inner.handle_async_request(_pin(request, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                refusal = error
        raise refusal or httpx2.ConnectError(f"{host} has no address")

    async def aclose(self) -> None:
        """Close the connections of the inner transport."""
        await self._inner.aclose()


def _destination(request: httpx2.Request) -> tuple[str, int]:
    if request.url.scheme not in ("http", "https") or not request.url.host:
        raise httpx2.UnsupportedProtocol("only http:// and https:// addresses")
    return request.url.host, request.url.port or (443 if request.url.scheme == "https" else 80)


def _pin(request: httpx2.Request, address: Address) -> httpx2.Request:
    """Return the request to a checked address, still for the host that was named."""
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )


def checked_addresses(host: str, port: int, private_hosts: frozenset[str] = frozenset()) -> list[Address]:
    """Return a host's addresses; raises ConnectError, and `EgressRefused` if one is not public."""
    addresses = resolve(host, port)
    if host not in private_hosts and not all(_is_public(each) for each in addresses):
        raise EgressRefused(f"{host} does not have a public address")
    return addresses


def resolve(host: str, port: int) -> list[Address]:
    """Return a host's addresses in the system's order; raises ConnectError if there are none."""
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise httpx2.ConnectError(f"{host} does not resolve") from None
    texts = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in entries)
    return [ipaddress.ip_address(text) for text in texts]


def _is_public(address: Address) -> bool:
    """Return True for global unicast; an IPv4 address inside IPv6 is checked as IPv4."""
    wrapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if wrapped is None and any(address in net for net in _IPV4_AT_THE_END):
        wrapped = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if wrapped is not None:
        return _is_public(wrapped)
    if any(address in net for net in _NOT_GLOBAL):
        return False
    return address.is_global and not address.is_multicast and not getattr(address, "is_site_local", False)


@lru_cache(maxsize=1)
def _trusted_certificates() -> ssl.SSLContext:
    """Load the certificates once per process: it takes longer than a call."""
    return httpx2.create_ssl_context(trust_env=False)


class Deadline:
    """Closes the connection when a call takes too long: read time-outs restart with each byte."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._lines: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._hang_up)
        self._timer.daemon = True

    def __enter__(self) -> "Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        for line in self._lines:
            line.close()

    def watch(self, event: str, facts: Mapping[str, Any]) -> None:
        """Remember the connections that the client opens; none may be opened once the time is over."""
        if event == "connection.connect_tcp.started" and self.is_over:
            raise httpx2.ConnectTimeout("the call took too long")
        if event == "connection.connect_tcp.complete":
            # A second handle: the first one is dropped once the connection is encrypted.
            self._lines.append(facts["return_value"].get_extra_info("socket").dup())
            if self.is_over:  # while it was opened
                self._hang_up()

    def _hang_up(self) -> None:
        self.is_over = True
        for line in list(self._lines):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


class OutgoingHttp:
    """A client with one base URL and one set of headers; each request has its own connection.

    Connections are not reused: a server may close an old one just as a request is sent, and then nobody
    knows whether it arrived. `trust` verifies its certificate, instead of the public authorities. `provider` names in
    metrics who is called: a vendor or a kind of system, never a host, which an organisation may have chosen.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        patience: Patience | None = None,
        private_hosts: Iterable[str] = (),
        trust: ssl.SSLContext | None = None,
        provider: str = "other",
    ) -> None:
        self._patience, self._provider = patience or Patience(), provider
        base = httpx2.URL("")  # without an address each request is answered by `bad_url`
        with suppress(httpx2.InvalidURL):
            base = httpx2.URL(base_url)
        transport = GuardedTransport(
            httpx2.HTTPTransport(
                verify=trust or _trusted_certificates(),
                trust_env=False,
                retries=0,
                limits=httpx2.Limits(max_connections=20, max_keepalive_connections=0),
            ),
            private_hosts=frozenset(private_hosts),
        )
        self._client = httpx2.Client(
            base_url=base,
            # A small compressed answer can be larger than memory once unpacked.
            headers={"Accept-Encoding": "identity", **(headers or {})},
            timeout=httpx2.Timeout(self._patience.read, connect=self._patience.connect),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        hear: Callable[[bytes], None] | None = None,
        **sent: Unpack[Sent],
    ) -> Reply | NotSent | NoAnswer:
        """Send one request once; failures outside are returned, never raised.

        `hear` gets the pieces of a successful answer as they arrive; what it raises ends the call.
        """
        if unknown := sent.keys() - Sent.__annotations__.keys():
            raise TypeError(f"a request sends no {', '.join(sorted(unknown))}")
        began = time.monotonic()
        with Deadline(self._patience.total) as deadline:
            given = {("data" if name == "form" else name): value for name, value in sent.items()}
            outcome = self._request(deadline, method, path, hear, **given)
        if deadline.is_over and not isinstance(outcome, NotSent):
            # What arrived before we closed the connection may only look complete.
            outcome = NoAnswer("timed_out", "The answer took too long.")
        for listener in _listeners:
            listener(self._provider, outcome, time.monotonic() - began)
        return outcome

    def _request(
        self, deadline: Deadline, method: str, path: str, hear: Callable[[bytes], None] | None, **content: Any
    ) -> Reply | NotSent | NoAnswer:
        try:
            request = self._client.build_request(method, path, extensions={"trace": deadline.watch}, **content)
            return self._send(request, hear)
        except EgressRefused:
            return NotSent("egress_refused", "The host's address isn't allowed.", retry=False)
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
            return NotSent("bad_url", "The service's address isn't valid.", retry=False)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            return NotSent("not_reachable", _sentence(error), retry=True)
        except httpx2.TimeoutException as error:
            return NoAnswer("timed_out", _sentence(error))
        except httpx2.HTTPError as error:
            return NoAnswer("connection_lost", _sentence(error))

    def _send(self, request: httpx2.Request, hear: Callable[[bytes], None] | None) -> Reply | NoAnswer:
        response = self._client.send(request, stream=True)
        chunks: list[bytes] = []
        size = 0
        try:
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                return NoAnswer("answer_packed", "The answer is compressed, although that wasn't accepted.")
            for chunk in response.iter_raw():
                size += len(chunk)
                chunks.append(chunk)
                if size > self._patience.max_bytes:
                    return NoAnswer("answer_too_large", "The answer is larger than allowed.")
                if hear and response.is_success:
                    hear(chunk)
        finally:
            response.close()
        return Reply(response.status_code, response.headers, b"".join(chunks))

    def close(self) -> None:
        self._client.close()


def _sentence(error: Exception) -> str:
    """Name only the kind of failure: an exception's text can contain addresses and secrets."""
    return f"{type(error).__name__} while calling the service."


def url_problem(url: str, example: str, *, limit: int, own_hosts: Container[str]) -> str:
    """Return why an address can't be called, or ""; whether its host is public is checked at each call."""
    if len(url) > limit or not url.isascii() or not url.isprintable() or " " in url:
        return f"Use at most {limit} ASCII characters, without spaces."
    try:
        httpx2.URL(url)  # refuses what no client can call, such as https://0177.0.0.1
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except (ValueError, httpx2.InvalidURL):
        return f"Enter it as {example}."
    if not host or parts.scheme not in ("https", "http") or (parts.scheme == "http" and host not in own_hosts):
        return f"Enter it as {example}."
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "Leave out user names, passwords and fragments."
    return ""


def host_of(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()

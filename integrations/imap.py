"""Read a mailbox by IMAP: TLS always, addresses checked, time and sizes bounded, nothing changed in it."""

import imaplib
import re
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, Final, Self

import httpx2

from core.http import EgressRefused, checked_addresses

SECONDS: Final = 15.0
TOTAL_SECONDS: Final = 60.0
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d{1,12})")
_UID: Final = re.compile(rb"\bUID (\d{1,12})")
_ARRIVED: Final = re.compile(rb'INTERNALDATE " ?([^"]{1,40})"')
_TOO_LARGE: Final = (
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nContent-Disposition: inline\r\n"
)
_WORDS: Final = "[This email of {size} MB is too large to be shown here. Open it in the mailbox.]"


@dataclass(frozen=True, slots=True)
class ImapServer:
    """A mail server and the credentials of one mailbox; `starttls` for port 143, else TLS from the start."""

    host: str
    port: int
    user: str = field(repr=False)
    password: str = field(repr=False)
    folder: str = "INBOX"
    starttls: bool = False


class ImapTrouble(Exception):
    """The mailbox can't be read now; the code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class ListedMail:
    """One email as the server lists it: its id, its size, and when it arrived there (None: it names no real time)."""

    uid: int
    size: int
    arrived_at: datetime | None


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()


class ImapMailbox:
    """One connection to a mailbox, opened for reading only; raises `ImapTrouble`."""

    def __init__(
        self,
        server: ImapServer,
        *,
        limit: int,
        private_hosts: frozenset[str] = frozenset(),
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._server, self._limit, self._private_hosts = server, limit, private_hosts
        self._context = context or _certificates()
        self._line: imaplib.IMAP4 | None = None
        self._timer = threading.Timer(TOTAL_SECONDS, self._hang_up)
        self._timer.daemon = True
        self.uid_validity = self._count = 0

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye, if the server still listens."""
        self._timer.cancel()
        line, self._line = self._line, None
        if line is not None:
            with suppress(imaplib.IMAP4.error, OSError):
                line.logout()
            with suppress(OSError):
                line.shutdown()

    def newest_uid(self) -> int:
        """Return the id of the newest email, 0 in an empty mailbox."""
        return self._uid_at(self._count)

    def list_after(self, uid: int, *, most: int) -> list[ListedMail]:
        """Return about `most` emails above an id, oldest first, however many there are.

        Positions are searched by halves; the list is asked for by ids, which stay when emails before them go.
        """
        newest, first = self.newest_uid(), max(self._count - most + 1, 1)
        if newest <= uid:
            return []
        if first > 1 and self._uid_at(first - 1) > uid:
            lower, upper = 0, first - 1
            while upper - lower > 1:
                middle = (lower + upper) // 2
                lower, upper = (lower, middle) if self._uid_at(middle) > uid else (middle, upper)
            first = upper
            newest = self._uid_at(first + most - 1)
        found: dict[int, ListedMail] = {}
        for facts in _flat(self._ask("uid", "FETCH", f"{uid + 1}:{newest}", "(UID INTERNALDATE RFC822.SIZE)")):
            named, size = _UID.search(facts), _SIZE.search(facts)
            # "6:5" names the same emails as "5:6".
            if named and size and (number := int(named.group(1))) > uid:
                found[number] = ListedMail(number, int(size.group(1)), _arrival_of(facts))
        return [found[number] for number in sorted(found)]

    def _uid_at(self, position: int) -> int:
        """Return the id of the email at a position, 0 if there is none."""
        found = _flat(self._ask("fetch", str(position), "(UID)")) if position else []
        return next((int(named.group(1)) for facts in found if (named := _UID.search(facts))), 0)

    def fetch(self, listed: ListedMail) -> bytes | None:
        """Return one email, or None if it is gone; of one that is too large only its headers."""
        is_large = listed.size > self._limit
        what = "(BODY.PEEK[HEADER])" if is_large else "(BODY.PEEK[])"
        found = [one[1] for one in self._ask("uid", "FETCH", str(listed.uid), what) if isinstance(one, tuple)]
        if not found:
            return None
        raw = bytes(found[0])
        if not is_large:
            return raw
        words = _WORDS.format(size=max(listed.size // 1_000_000, 1))
        return b"".join((_TOO_LARGE, raw.rstrip(b"\r\n"), b"\r\n\r\n", words.encode()))

    def _open(self) -> None:
        server = self._server
        try:
            address = str(checked_addresses(server.host, server.port, self._private_hosts)[0])
        except EgressRefused:
            raise ImapTrouble("imap_private") from None
        except (httpx2.ConnectError, IndexError):
            raise ImapTrouble("imap_not_reachable") from None
        self._timer.start()
        try:
            self._line = _connect(server, address, self._context, self._limit)
        except ssl.SSLError:
            raise ImapTrouble("imap_certificate") from None
        except (imaplib.IMAP4.error, OSError):
            raise ImapTrouble("imap_not_reachable") from None
        try:
            self._line.login(server.user, server.password)
        except (imaplib.IMAP4.abort, OSError):
            raise ImapTrouble("imap_not_reachable") from None
        except (imaplib.IMAP4.error, UnicodeError):
            raise ImapTrouble("imap_login") from None
        quoted = server.folder.replace("\\", "\\\\").replace('"', '\\"')
        count = self._ask("select", f'"{quoted}"', True, problem="imap_folder")
        self._count = int(count[-1]) if count and isinstance(count[-1], bytes) and count[-1].isdigit() else 0
        _, found = self._line.response("UIDVALIDITY")
        word = found[0] if found else None
        self.uid_validity = int(word) if isinstance(word, bytes) and word.isdigit() else 0

    def _ask(self, command: str, *arguments: Any, problem: str = "imap_refused") -> list[Any]:
        assert self._line is not None  # noqa: S101  (for the type checker)
        try:
            word, found = getattr(self._line, command)(*arguments)
        except (imaplib.IMAP4.abort, OSError, ValueError):
            raise ImapTrouble("imap_not_reachable") from None
        except imaplib.IMAP4.error:
            raise ImapTrouble(problem) from None
        if word != "OK":
            raise ImapTrouble(problem)
        return [one for one in found or [] if one is not None]

    def _hang_up(self) -> None:
        """End a connection that takes too long: read time-outs restart with each byte."""
        line = self._line
        if line is not None:
            with suppress(OSError):
                line.sock.shutdown(socket.SHUT_RDWR)


def _arrival_of(facts: bytes) -> datetime | None:
    named = _ARRIVED.search(facts)
    try:
        return datetime.strptime(named[1].decode(), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC) if named else None
    except (ValueError, OverflowError):
        return None


def _flat(found: list[Any]) -> list[bytes]:
    return [part for one in found for part in (one if isinstance(one, tuple) else (one,)) if isinstance(part, bytes)]


def _connect(server: ImapServer, address: str, context: ssl.SSLContext, limit: int) -> imaplib.IMAP4:
    """Connect to the checked address; the certificate has to be for the host's name."""

    class Bounded(imaplib.IMAP4):
        """Reads no more than we asked for, even if the server announces more."""

        def _create_socket(self, timeout: float | None) -> socket.socket:
            line = socket.create_connection((address, server.port), timeout)
            return line if server.starttls else context.wrap_socket(line, server_hostname=server.host)

        def read(self, size: int) -> bytes:
            """Read an announced number of bytes, if that is not too many."""
            if size > limit + 1_000_000:
                raise self.abort("more than we asked for")
            return super().read(size)

    made = Bounded(server.host, server.port, timeout=SECONDS)
    if server.starttls:
        try:
            word, _ = made.starttls(context)
            if word != "OK":
                raise made.error("no TLS")
        except BaseException:
            with suppress(OSError):
                made.shutdown()
            raise
    return made

"""Twisted's own IMAP server over a folder of files: `python imap_server.py CERTIFICATE KEY FOLDER` prints its ports.

A file `7.eml` is the email with id 7, `7.date` its INTERNALDATE if that is odd; `validity` holds the UIDVALIDITY.
"""

import io
import sys
import time
from pathlib import Path
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.protocol import Factory
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.mail import imap4
from zope.interface import implementer

USER, PASSWORD = "desk", "long-enough"


@implementer(imap4.IMessage, imap4.IMessageFile)
class Email:
    """One file."""

    def __init__(self, path: Path) -> None:
        self.path, self.raw = path, path.read_bytes()

    def open(self) -> io.BytesIO:
        return io.BytesIO(self.raw)

    def getHeaders(self, negate: bool, *names: Any) -> dict[str, str]:
        block = self.raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("latin-1")
        return dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)

    def getBodyFile(self) -> io.BytesIO:
        return io.BytesIO(self.raw.replace(b"\r\n", b"\n").partition(b"\n\n")[2])

    def getSize(self) -> int:
        return len(self.raw)

    def isMultipart(self) -> bool:
        return False

    def getUID(self) -> int:
        return int(self.path.stem)

    def getFlags(self) -> list[str]:
        return []

    def getInternalDate(self) -> str:
        return time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(self.path.stat().st_mtime))


@implementer(imap4.IMailbox)
class Folder:
    """The files of the folder."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def _emails(self) -> list[Email]:
        return [Email(path) for path in sorted(self.place.glob("*.eml"), key=lambda one: int(one.stem))]

    def getUIDValidity(self) -> int:
        return int((self.place / "validity").read_text())

    def getUIDNext(self) -> int:
        return max((one.getUID() for one in self._emails()), default=0) + 1

    def getMessageCount(self) -> int:
        return len(self._emails())

    def fetch(self, messages: Any, uid: bool) -> list[tuple[int, Email]]:
        found = list(enumerate(self._emails(), start=1))
        messages.last = found[-1][1].getUID() if uid and found else len(found)
        return [(number, one) for number, one in found if (one.getUID() if uid else number) in messages]

    def getFlags(self) -> list[str]:
        return []

    def getHierarchicalDelimiter(self) -> str:
        return "/"

    def getRecentCount(self) -> int:
        return 0

    getUnseenCount = getRecentCount

    def isWriteable(self) -> bool:
        return False

    def addListener(self, listener: Any) -> None:
        """Tell nobody."""

    removeListener = addListener


def main() -> None:
    certificate, key, place = sys.argv[1:]
    account = imap4.MemoryAccount(USER)
    account.addMailbox("INBOX", Folder(Path(place)))
    portal = Portal(type("Realm", (), {"requestAvatar": lambda *_: (imap4.IAccount, account, lambda: None)})())
    portal.registerChecker(InMemoryUsernamePasswordDatabaseDontUse(**{USER: PASSWORD.encode()}))
    context = DefaultOpenSSLContextFactory(key, certificate)

    class Server(imap4.IMAP4Server):
        def __init__(self) -> None:
            super().__init__(contextFactory=context)
            self.portal = portal

        def spew_internaldate(self, id: Any, msg: Any, _w: Any = None, _f: Any = None) -> None:
            odd = msg.path.with_suffix(".date")
            if not odd.exists():
                super().spew_internaldate(id, msg, _w, _f)
            else:
                (_w or self.transport.write)(b'INTERNALDATE "%s"' % odd.read_bytes())  # type: ignore[call-arg]

    factory = Factory.forProtocol(Server)
    # Tests read this module's names, and an imported reactor is a process's only one: Daphne needs another kind.
    from twisted.internet import reactor

    loop: Any = reactor
    secure = loop.listenSSL(0, factory, context, interface="127.0.0.1")
    plain = loop.listenTCP(0, factory, interface="127.0.0.1")
    sys.stdout.write(f"{secure.getHost().port} {plain.getHost().port}\n")
    sys.stdout.flush()
    loop.run()


if __name__ == "__main__":
    main()

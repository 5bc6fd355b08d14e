"""The web server: `python -m config.web`.

Daphne, which cuts off bodies that are too long while they come in, and lets requests finish before it stops.
"""

import os
import re
from typing import Any, Final

from core.observability.garbage_collector import tune_for_startup

tune_for_startup()  # until config.asgi has loaded the rest

from daphne import server as daphne_server  # noqa: E402
from daphne.cli import CommandLineInterface  # noqa: E402
from daphne.http_protocol import HTTPFactory, WebRequest  # noqa: E402

from config.drain import DrainingServer, SocketFactory  # noqa: E402
from core.observability.stop import stopping  # noqa: E402

BODY_LIMIT: Final = 4 * 1024 * 1024
"""More than anything we take: JSON and forms end at 2.5 MB, webhooks at less."""
MAIL_LIMIT: Final = int(os.environ.get("WALKER_MAIL_MB", "32")) * 1024 * 1024
"""Emails with their files, which come by one path."""
MAIL_PATH: Final = re.compile(rb"/channels/email/[^/?]{20,200}/inbound/")
UPLOAD_LIMIT: Final = 17 * 1024 * 1024
"""Where files for customers or of them are taken: 16 MB of them, and the words beside."""
UPLOADS: Final = re.compile(
    rb"/(?:admin/conversations/(?:conversation/[0-9a-f-]{36}/reply|cannedreply/(?:create|[0-9a-f-]{36}/edit))"
    rb"|api/v1/(?:conversations/[0-9a-f-]{36}/attachments|canned-replies/[0-9a-f-]{36}/files)"
    rb"|widget/v1/messages|channels/app/[^/?]{1,40}/messages)/(?:\?|$)"
)
KNOWLEDGE_LIMIT: Final = 21 * 1024 * 1024
"""Where files for agents to answer from are taken: 20 MB of them, and the words beside."""
KNOWLEDGE: Final = re.compile(rb"/(?:admin/agents/document/new|api/v1/documents/upload)/(?:\?|$)")
REFUSAL: Final = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def limit_of(path: bytes) -> int:
    """Return how long a body may be that is sent to a path."""
    if MAIL_PATH.fullmatch(path):
        return MAIL_LIMIT
    if KNOWLEDGE.match(path):
        return KNOWLEDGE_LIMIT
    return UPLOAD_LIMIT if UPLOADS.match(path) else BODY_LIMIT


class BoundedRequest(WebRequest):
    """A request whose body is dropped with its connection once it is, or says it is, too long.

    Daphne writes a body to a temporary file before the application hears of it: without this,
    anybody at all fills the disk.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.taken, self.is_refused = 0, False
        super().__init__(*args, **kwargs)

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        if length is not None and length > self._limit():
            self._refuse()
            length = 0
        super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Keep a piece of the body as long as there is room."""
        self.taken += len(data)
        if self.taken > self._limit():
            self._refuse()
        if not self.is_refused:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802 - Twisted's name
        if not self.is_refused:
            super().requestReceived(command, path, version)

    def setResponseCode(self, code: int, message: bytes | None = None) -> None:  # noqa: N802 - Twisted's name
        """Begin the answer, and end the connection with it where the process stops.

        The client's next request goes elsewhere.
        """
        if stopping.is_set() and self.channel is not None:
            self.channel.persistent = False
            self.setHeader(b"connection", b"close")
        super().setResponseCode(code, message)

    def _limit(self) -> int:
        """Return how long this request's body may be, by the path in its first line."""
        # Twisted hands the path to the request only with the whole body.
        return limit_of(getattr(self.channel, "_path", b""))

    def _refuse(self) -> None:
        if not self.is_refused:
            self.is_refused = True
            self.channel.transport.write(REFUSAL)
            self.channel.loseConnection()


class BoundedFactory(HTTPFactory):
    """Makes connections whose requests are bounded."""

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = BoundedRequest
        return protocol


class WebServer(CommandLineInterface):
    """Daphne's command line, with our server."""

    server_class = DrainingServer


def main() -> None:
    """Serve until told to stop."""
    # Daphne takes no factories as arguments.
    daphne_server.HTTPFactory = BoundedFactory
    daphne_server.WebSocketFactory = SocketFactory
    WebServer.entrypoint()


if __name__ == "__main__":
    main()

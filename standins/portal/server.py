"""The portal's HTTP server: the receiver of webhooks, and the customers' page."""

from pathlib import Path
from typing import ClassVar

from standins.errors import ApiError, not_found
from standins.portal.portal import Portal
from standins.store import Document
from standins.web import Content, StandInHandler, StandInServer

RECEIVER = "/walker/"
EVENTS = "/events/"


class PortalServer(StandInServer):
    """The server with its portal."""

    def __init__(self, address: tuple[str, int], portal: Portal) -> None:
        self.portal = portal
        super().__init__(address, Handler)

    def reset(self) -> None:
        """Return to the initial state."""
        super().reset()
        self.portal.reset()


class Handler(StandInHandler):
    """One connection."""

    server: PortalServer
    name = "sandbox-portal"
    page = Path(__file__).with_name("page.html")
    server_version = "SandboxPortal/1"
    max_body: ClassVar[int] = 256 * 1024
    raw = b""

    def answer(self, path: str, query: str, body: Document) -> tuple[int, Document | Content]:
        """Take a webhook."""
        try:
            if self.command != "POST" or not path.startswith((RECEIVER, EVENTS)):
                raise not_found()
            headers = {name.lower(): value for name, value in self.headers.items()}
            if path.startswith(EVENTS):
                self.server.portal.hear(path.removeprefix(EVENTS), headers, self.raw)
            else:
                self.server.portal.receive(path.removeprefix(RECEIVER), headers, self.raw)
        except ApiError as error:
            return error.status, error.body
        return 200, {}

    def control(self, path: str, body: Document) -> tuple[int, Document]:
        """Answer control requests of the page and of tests."""
        match self.command, path:
            case "GET", "/__view":
                return 200, self.server.portal.view()
            case "POST", "/__write":
                return 200, self.server.portal.write(body)
        raise not_found()

    def parse(self, raw: bytes) -> Document:
        """Return a request's JSON, and keep the bytes, which are signed; pages of other origins can't send JSON."""
        self.raw = raw
        content_type = self.headers.get("Content-Type", "").partition(";")[0]
        if raw and content_type != "application/json":
            raise ApiError(415, "json_only", "Send JSON.")
        return super().parse(raw)

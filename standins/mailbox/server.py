"""The mailbox's HTTP server: SendGrid's API for the product, and the human page."""

from pathlib import Path
from typing import ClassVar

from standins.errors import ApiError, not_found
from standins.mailbox import rest
from standins.mailbox.mailbox import Mailbox
from standins.store import Document
from standins.web import Content, StandInHandler, StandInServer

SEND = "/v3/mail/send"


class MailboxServer(StandInServer):
    """The server with its mailbox."""

    def __init__(self, address: tuple[str, int], mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        super().__init__(address, Handler)

    def reset(self) -> None:
        """Return to the initial state."""
        super().reset()
        self.mailbox.reset()


class Handler(StandInHandler):
    """One connection."""

    server: MailboxServer
    name = "sandbox-mailbox"
    page = Path(__file__).with_name("page.html")
    server_version = "SandboxMailbox/1"
    max_body: ClassVar[int] = 1024 * 1024

    def answer(self, path: str, query: str, body: Document) -> tuple[int, Document | Content]:
        """Return the API's answer in the vendor's format."""
        try:
            return self._call(path, body)
        except ApiError as error:
            return error.status, error.body

    def _call(self, path: str, body: Document) -> tuple[int, Document | Content]:
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        account = self.server.mailbox.account_of(key) if scheme == "Bearer" else None
        if account is None:
            raise rest.refusal(401, "The provided authorization grant is invalid, expired, or revoked")
        if path != SEND:
            raise rest.refusal(404, "Not found")
        if self.command != "POST":
            raise rest.refusal(405, "Method not allowed")
        self.more_headers = {"X-Message-Id": self.server.mailbox.accept(account, body)}
        return 202, ("application/json", b"")

    def control(self, path: str, body: Document) -> tuple[int, Document]:
        """Answer control requests of the page and of tests."""
        mailbox = self.server.mailbox
        match self.command, path:
            case "GET", "/__view":
                return 200, mailbox.view()
            case "POST", "/__fire":
                return 202, mailbox.fire(body)
            case "POST", "/__write":
                return 202, mailbox.write(body)
            case "POST", "/__behave":
                return 200, mailbox.behave(body)
        raise not_found()

    def parse(self, raw: bytes) -> Document:
        """Return a request's JSON; requires its content type, which pages of other origins can't set."""
        content_type = self.headers.get("Content-Type", "").partition(";")[0]
        if raw and content_type != "application/json":
            raise ApiError(415, "json_only", "Send JSON.")
        return super().parse(raw)

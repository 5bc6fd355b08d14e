"""The sandbox Zendesk's HTTP server."""

import base64
import binascii
import re
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from standins.errors import ApiError
from standins.script import Rule
from standins.store import Document
from standins.tickets import PAGE, Counter, answer_control
from standins.web import Content, StandInHandler, StandInServer
from standins.zendesk.desk import ACCOUNTS, Desk, problem, token_of

_TICKET = re.compile(r"/api/v2/tickets/(?P<id>[0-9]+)(?P<rest>/audits)?\.json")
_REQUESTER = re.compile(r'requester:"?(?P<email>[^"\s]+)"?')


class ZendeskServer(StandInServer):
    """The server with its desk."""

    def __init__(self, address: tuple[str, int], desk: Desk) -> None:
        self.desk, self.counter = desk, Counter()
        super().__init__(address, Handler)

    def reset(self) -> None:
        """Return to the initial state."""
        super().reset()
        self.desk.reset()
        self.counter.take()


class Handler(StandInHandler):
    """One connection."""

    server: ZendeskServer
    name = "sandbox-zendesk"
    page = PAGE
    page_words: ClassVar[dict[bytes, bytes]] = {b"Sandbox ticket system": b"Sandbox Zendesk"}
    server_version = "SandboxZendesk/1"

    def answer(self, path: str, query: str, body: Document) -> tuple[int, Document | Content]:
        """Return the API's answer in the vendor's form."""
        self.server.counter.add(f"{self.command} {path}")
        try:
            return self._answer_api(self._account(), path, dict(parse_qsl(query)), body)
        except ApiError as error:
            return error.status, error.body

    def _account(self) -> str:
        """Return whose token it is, at the address of that account."""
        if self.home and self.home not in ACCOUNTS:
            error = problem(404, "", "")
            error.body = {"error": {"title": f"No help desk at {self.home}.zendesk.com", "message": "There is none."}}
            raise error
        scheme, _, proof = self.headers.get("Authorization", "").partition(" ")
        try:
            known, _, token = base64.b64decode(proof, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            known, token = "", ""
        for account, email in ACCOUNTS.items():
            if (
                self.home in ("", account)
                and scheme == "Basic"
                and (known, token) == (f"{email}/token", token_of(account))
            ):
                return account
        raise problem(401, "Couldn't authenticate you", "")

    def _answer_api(self, account: str, path: str, query: dict[str, str], body: Document) -> tuple[int, Document]:
        desk = self.server.desk
        match self.command, path:
            case "GET", "/api/v2/users/me.json":
                return 200, {"user": {"id": 1, "name": f"Agent of {account}", "email": ACCOUNTS[account]}}
            case "GET", "/api/v2/search.json":
                found = _REQUESTER.search(query.get("query", ""))
                rows = desk.search(account, found["email"] if found else "")[: int(query.get("per_page", 100))]
                return 200, {"results": rows, "users": desk.users_of(account, rows), "count": len(rows)}
            case "GET", "/api/v2/tickets.json":
                rows = desk.by_external_id(account, query.get("external_id", ""))
                return 200, {"tickets": rows, "users": desk.users_of(account, rows)}
            case "POST", "/api/v2/tickets.json":
                ticket = desk.create(account, body.get("ticket", {}), self.headers.get("Idempotency-Key", ""))
                return 201, {"ticket": ticket}
        place = _TICKET.fullmatch(path)
        if place is None:
            raise problem(404, "InvalidEndpoint", "Not found")
        if self.command == "PUT" and not place["rest"]:
            return 200, {"ticket": desk.update(account, place["id"], body.get("ticket", {}))}
        if place["rest"]:
            rows, size = desk.audits(account, place["id"]), int(query.get("per_page", 100))
            first = (int(query.get("page", 1)) - 1) * size
            return 200, {"audits": rows[first : first + size], "count": len(rows)}
        ticket = desk.get(account, place["id"])
        users = {"users": desk.users_of(account, [ticket])} if query.get("include") == "users" else {}
        return 200, {"ticket": ticket, **users}

    def failure(self, status: int) -> Document:
        """Return the body of a scripted failure in the vendor's form."""
        if status == 429:
            return {"error": "APIRateLimitExceeded", "description": "Number of allowed API requests exceeded"}
        return {"error": "InternalError", "description": "As scripted"}

    def scripted(self, rule: Rule) -> tuple[int, Document, dict[str, str]]:
        """Return a scripted failure; `code` is the vendor's."""
        status, body, headers = super().scripted(rule)
        return status, {**body, "error": rule.code or body["error"]}, headers

    def change(self, wanted: Document) -> Document:
        """Change a ticket as an agent does there."""
        return self.server.desk.change(wanted)

    def control(self, path: str, body: Document) -> tuple[int, Any]:
        """Answer control requests of the page and of tests."""
        if (self.command, path) == ("POST", "/__change"):
            return 200, self.server.desk.change(body)
        if (self.command, path) == ("POST", "/__hook"):
            return 200, self.server.desk.poster.set_address(body, ACCOUNTS)
        if (self.command, path) == ("GET", "/__deliveries"):
            return 200, {"items": self.server.desk.poster.deliveries}
        return 200, answer_control(self.server.desk.store, self.server.counter, self.command, path)

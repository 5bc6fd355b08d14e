"""The back office's HTTP server: tokens, transactions and drafts for the product, and the clerks' page."""

import base64
import binascii
import hmac
import secrets
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from standins.back_office.office import Keyed, Office, missing, show_error
from standins.back_office.seed import Company
from standins.back_office.signatures import check_signature
from standins.consent import parse_pairs
from standins.errors import ApiError, not_found
from standins.script import Rule
from standins.store import Document
from standins.web import Content, StandInHandler, StandInServer

ROOT = "/v1/"
SCOPE = "transactions.read"
TOKEN_LIFE = 3600


class BackOfficeServer(StandInServer):
    """The server with its offices."""

    def __init__(self, address: tuple[str, int], office: Office) -> None:
        self.office = office
        super().__init__(address, Handler)

    def reset(self) -> None:
        """Return to the initial state."""
        super().reset()
        self.office.reset()


class Handler(StandInHandler):
    """One connection."""

    server: BackOfficeServer
    name = "sandbox-back-office"
    page = Path(__file__).with_name("page.html")
    server_version = "SandboxBackOffice/1"
    raw: bytes = b""
    max_body: ClassVar[int] = 64 * 1024

    def answer(self, path: str, query: str, body: Document) -> tuple[int, Document | Content]:
        """Return the answer that the contract describes."""
        try:
            if not path.startswith(ROOT):
                raise missing("address")
            steps = tuple(path.removeprefix(ROOT).split("/"))
            if (self.command, steps) == ("POST", ("oauth", "token")):
                return self._give_token(body)
            if self.command == "GET":
                return 200, self._read(steps, parse_pairs(query))
            return self._change(steps, body)
        except ApiError as error:
            if "error" in error.body:
                return error.status, error.body
            return error.status, show_error(error)

    def _give_token(self, form: Document) -> tuple[int, Document]:
        office = self.server.office
        known, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
        scheme, _, proof = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                known, _, secret = base64.b64decode(proof).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                known, secret = "", ""
            known, secret = unquote(known), unquote(secret)
        company = next((one for one in office.companies if one.client_id == known), None)
        if company is None or not hmac.compare_digest(company.client_secret.encode(), secret.encode()):
            return 401, {"error": "invalid_client", "error_description": "The client isn't known."}
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type", "error_description": "Only client_credentials."}
        scope = str(form.get("scope") or SCOPE)
        if scope != SCOPE:
            return 400, {"error": "invalid_scope", "error_description": f"Only {SCOPE}."}
        token = secrets.token_urlsafe(32)
        office.store.add_token(token, company.slug, scope, TOKEN_LIFE)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LIFE, "scope": scope}

    def _read(self, steps: tuple[str, ...], query: dict[str, str]) -> Document:
        office = self.server.office
        company = self._reader()
        match steps:
            case ("transactions",):
                return office.list_bookings(company, query)
            case ("transactions", ident):
                return office.read_booking(company, ident)
            case ("drafts", ident):
                return office.read_draft(company, ident)
        raise missing("address")

    def _reader(self) -> Company:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        found = self.server.office.store.get_token(token) if scheme.lower() == "bearer" else None
        if found is None:
            raise ApiError(401, "invalid_token", "The token isn't valid.")
        if found[1] != SCOPE:
            raise ApiError(403, "scope_missing", "The token doesn't allow it.")
        return self.server.office.company(found[0])

    def _change(self, steps: tuple[str, ...], body: Document) -> tuple[int, Document]:
        office = self.server.office
        ahead = office.behaviour.seconds_later
        request = (self.command, self.path, self.raw)
        company = check_signature(office.store, office.companies, self.headers, request, ahead=ahead)
        keyed = Keyed(self.headers.get("Idempotency-Key", ""), *request)
        match self.command, steps:
            case "POST", ("drafts",):
                found = office.once(company, keyed, lambda: office.create_draft(company, body, self.raw))
            case "DELETE", ("drafts", ident):
                found = office.once(company, keyed, lambda: office.cancel_draft(company, ident))
            case "POST", ("drafts", ident, "commit"):
                found = office.once(company, keyed, lambda: office.commit(company, ident, body))
            case "PUT", ("webhook",):
                found = office.once(company, keyed, lambda: office.set_webhook(company, body))
            case _:
                raise missing("address")
        status, answer, is_again = found
        if is_again:
            self.more_headers = {"Idempotent-Replayed": "true"}
        elif steps[-1] == "commit":
            office.poster.post_later(company, answer)
        return status, answer

    def failure(self, status: int) -> Document:
        """Return the body of a scripted failure, as the contract has it."""
        if urlsplit(self.path).path == f"{ROOT}oauth/token":
            return {"error": "invalid_request", "error_description": "As scripted."}
        code = "too_many" if status == 429 else "scripted_failure"
        return {"code": code, "message": "As scripted."}

    def scripted(self, rule: Rule) -> tuple[int, Document, dict[str, str]]:
        """Return a scripted failure; `code` is the code of the answer."""
        status, body, headers = super().scripted(rule)
        name = "error" if "error" in body else "code"
        return status, {**body, name: rule.code or body[name]}, headers

    def change(self, wanted: Document) -> Document:
        """Change a draft or transaction as a clerk does."""
        return self.server.office.change(wanted)

    def control(self, path: str, body: Document) -> tuple[int, Document]:
        """Answer control requests of the page and of tests."""
        office = self.server.office
        match self.command, path:
            case "GET", "/__view":
                return 200, office.view()
            case "GET", "/__journal":
                wanted = parse_pairs(urlsplit(self.path).query)
                return 200, {"items": office.store.journal(wanted.get("company", ""), int(wanted.get("after", 0)))}
            case "POST", "/__change":
                return 200, office.change(body)
            case "POST", "/__behave":
                return 200, office.behave(body)
            case "POST", "/__hook":
                office.store.set_hook(office.company(body.get("company")).slug, str(body.get("url", "")))
                return 200, {}
            case "POST", "/__expire":
                office.store.end_tokens(office.company(body.get("company")).slug)
                return 200, {}
        raise not_found()

    def parse(self, raw: bytes) -> Document:
        """Return a request's form or JSON, and keep its bytes, which are signed."""
        self.raw = raw
        kind = self.headers.get_content_type()
        if kind == "application/x-www-form-urlencoded" and not self.path.startswith("/__"):
            return parse_pairs(raw.decode("utf-8", "replace"))
        is_json = not raw or kind == "application/json"
        if not is_json and self.path.startswith("/__"):
            raise ApiError(415, "json_only", "Send JSON.")
        try:
            return super().parse(raw if is_json else b"not JSON")
        except ApiError:
            error = ApiError(422, "invalid", "The body isn't a JSON object.")
            error.body = show_error(error)
            raise error from None

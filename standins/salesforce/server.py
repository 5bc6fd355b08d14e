"""The sandbox Salesforce's HTTP server."""

import base64
import binascii
import hmac
import json
import re
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote

from standins.consent import parse_pairs
from standins.errors import ApiError
from standins.salesforce.org import MOST, ORGS, Org, credentials_of, problem
from standins.script import Rule
from standins.store import Document
from standins.tickets import PAGE, Counter, answer_control
from standins.web import Content, StandInHandler, StandInServer

TOKEN_PATH = "/services/oauth2/token"  # noqa: S105  (an address)
API = re.compile(r"/services/data/v(?P<version>\d\d)\.0/(?P<rest>.+)")
ANSWERS_CHANGES = 46
"""The first version of the API in which a change has a body."""
DESCRIBED = re.compile(r"sobjects/(?P<kind>\w+)/describe")
EXTERNAL = re.compile(r"sobjects/(?P<kind>\w+)/(?P<by>\w+)/(?P<key>[^/]+)")


class SalesforceServer(StandInServer):
    """The server with its organisations, and the tokens that it gave."""

    def __init__(self, address: tuple[str, int], org: Org) -> None:
        self.org, self.counter = org, Counter()
        self.tokens: dict[str, str] = {}
        super().__init__(address, Handler)

    def reset(self) -> None:
        """Return to the initial state."""
        super().reset()
        self.org.reset()
        self.counter.take()
        self.tokens.clear()


class Handler(StandInHandler):
    """One connection."""

    server: SalesforceServer
    name = "sandbox-salesforce"
    page = PAGE
    page_words = {b"Sandbox ticket system": b"Sandbox Salesforce"}
    server_version = "SandboxSalesforce/1"

    def answer(self, path: str, query: str, body: Document) -> tuple[int, Document | Content]:
        """Return the API's answer in the vendor's form."""
        if (self.command, path) == ("POST", TOKEN_PATH):
            return self._give_token(body)
        self.server.counter.add(f"{self.command} {path}")
        try:
            place = API.fullmatch(path)
            if place is None:
                raise problem(404, "NOT_FOUND", "The requested resource does not exist")
            status, answer = self._answer_api(self._org(), place["rest"], parse_pairs(query), body)
            if self.command == "PATCH" and status == 200 and int(place["version"]) < ANSWERS_CHANGES:
                return 204, ("application/json", b"")
        except ApiError as error:
            status, answer = error.status, [error.body]
        return status, ("application/json", json.dumps(answer).encode())

    def _give_token(self, form: Document) -> tuple[int, Document]:
        known, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
        scheme, _, proof = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                known, _, secret = base64.b64decode(proof).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                known = secret = ""
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type", "error_description": "grant type not supported"}
        for org in [org for org in ORGS if self.home in ("", org)]:
            app = credentials_of(org)
            if known == app["client_id"] and hmac.compare_digest(secret.encode(), app["client_secret"].encode()):
                token = f"00D{org}!{secrets.token_urlsafe(32)}"
                self.server.tokens[token] = org
                # It ends without a word of when.
                return 200, {"access_token": token, "token_type": "Bearer", "scope": "api"}
        return 400, {"error": "invalid_client", "error_description": "invalid client credentials"}

    def _org(self) -> str:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        org = self.server.tokens.get(token)
        if scheme != "Bearer" or org is None or self.home not in ("", org):
            raise problem(401, "INVALID_SESSION_ID", "Session expired or invalid")
        return org

    def _answer_api(self, name: str, rest: str, query: dict[str, str], body: Document) -> tuple[int, Any]:
        org, method = self.server.org, self.command
        described, external = DESCRIBED.fullmatch(rest), EXTERNAL.fullmatch(rest)
        if method == "GET" and rest in ("query", "queryAll"):
            return 200, org.query(name, query.get("q", ""), with_deleted=rest == "queryAll")
        if method == "GET" and described:
            return 200, {"name": described["kind"], "fields": org.describe(described["kind"])}
        if method == "PATCH" and external:
            rows, is_new = org.upsert(name, external["kind"], external["by"], unquote(external["key"]), body)
            numbers = [row["fields"]["Id"] for row in rows]
            if len(rows) > 1:
                return 300, [f"/services/data/v64.0/sobjects/{external['kind']}/{number}" for number in numbers]
            return 201 if is_new else 200, {"id": numbers[0], "success": True, "errors": [], "created": is_new}
        if method == "PATCH" and rest == "composite/sobjects":
            records = body.get("records", [])
            return self._change_each([(str(one.get("id", "")), partial(org.change_one, name, one)) for one in records])
        if method == "DELETE" and rest == "composite/sobjects":
            numbers = query.get("ids", "").split(",")
            return self._change_each([(one, partial(org.delete, name, one)) for one in numbers])
        raise problem(404, "NOT_FOUND", "The requested resource does not exist")

    def _change_each(self, deeds: list[tuple[str, Callable[[], None]]]) -> tuple[int, list[Document]]:
        """Do all or nothing, as only that is asked for; return a result for each."""
        if not 0 < len(deeds) <= MOST:
            raise problem(400, "INVALID_INPUT", f"From 1 to {MOST} records")
        failed: dict[str, Document] = {}
        try:
            with self.server.org.store.transaction():
                for number, deed in deeds:
                    try:
                        deed()
                    except ApiError as error:
                        failed[number] = error.body
                if failed:
                    raise problem(400, "ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back")
        except ApiError as error:
            said = {number: failed.get(number, error.body) for number, _ in deeds}
            return 200, [{"id": number, "success": False, "errors": [_result(one)]} for number, one in said.items()]
        return 200, [{"id": number, "success": True, "errors": []} for number, _ in deeds]

    def scripted(self, rule: Rule) -> tuple[int, Any, dict[str, str]]:
        """Return a scripted failure; `code` is the vendor's code. Its limit has no status of its own."""
        if rule.match.endswith(TOKEN_PATH):
            return rule.status, {"error": rule.code or "server_error"}, {}
        if rule.do == "429":
            return 403, [problem(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.").body], {}
        return rule.status, [problem(rule.status, rule.code or "UNKNOWN_EXCEPTION", "As scripted").body], {}

    def change(self, wanted: Document) -> Document:
        """Change a contact as a person does there."""
        return self.server.org.act(wanted)

    def control(self, path: str, body: Document) -> tuple[int, Any]:
        """Answer control requests of the page and of tests."""
        if (self.command, path) == ("POST", "/__change"):
            return 200, self.server.org.act(body)
        if (self.command, path) == ("POST", "/__expire"):
            self.server.tokens.clear()
            return 200, {}
        return 200, answer_control(self.server.org.store, self.server.counter, self.command, path)

    def parse(self, raw: bytes) -> Document:
        """Return a request's form or JSON."""
        if self.headers.get_content_type() == "application/x-www-form-urlencoded":
            return dict(parse_pairs(raw.decode("utf-8", "replace")))
        return super().parse(raw)


def _result(error: Document) -> Document:
    """Return an error as it stands in the result of one record."""
    return {"statusCode": error["errorCode"], "message": error["message"], "fields": error["fields"]}

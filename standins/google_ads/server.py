"""The sandbox Google Ads' HTTP server: consent, tokens, the REST API, and the human page."""

import re
import uuid
from urllib.parse import urlsplit

from standins.ads import CONTROL, PAGE
from standins.consent import POLICY, parse_pairs
from standins.errors import ApiError, not_found
from standins.google_ads.customers import VERSION, Customers, unsupported_version
from standins.google_ads.errors import Fault, failure, quota_fault, status_body
from standins.script import Rule
from standins.store import Document
from standins.web import Content, StandInHandler, StandInServer

CONSENT = "/o/oauth2/v2/auth"
_PATH = re.compile(r"/(?P<version>v[0-9]+)/(?P<rest>customers[:/].+)")


class GoogleAdsServer(StandInServer):
    """The server with its customers."""

    def __init__(self, address: tuple[str, int], customers: Customers) -> None:
        self.customers = customers
        super().__init__(address, Handler)

    def reset(self) -> None:
        """Return to the initial state."""
        super().reset()
        self.customers.reset()


class Handler(StandInHandler):
    """One connection."""

    server: GoogleAdsServer
    name = "sandbox-google-ads"
    page = PAGE
    max_body = 1024 * 1024
    server_version = "SandboxGoogleAds/1"

    def answer(self, path: str, query: str, body: Document) -> tuple[int, Document | Content]:
        """Return the API's answer in the vendor's format."""
        customers = self.server.customers
        login = customers.login
        try:
            match self.command, path:
                case "GET", place if place == CONSENT:
                    self.more_headers = {"Content-Security-Policy": POLICY}
                    return login.page.show(parse_pairs(query))
                case "POST", place if place == CONSENT:
                    return self._press(body)
                case "POST", "/token":
                    return 200, login.give_tokens(body, is_rotating=not customers.behaviour.keeps_refresh_tokens)
                case "POST", "/revoke":
                    return 200, login.revoke(str({**parse_pairs(query), **body}.get("token", "")))
            match = _PATH.fullmatch(path)
            if match is None:
                return 404, ("text/html; charset=utf-8", b"<!doctype html><title>Error 404 (Not Found)!!1</title>")
            self.more_headers = {"request-id": uuid.uuid4().hex[:22]}
            if match["version"] != VERSION:
                raise unsupported_version(match["version"])
            return 200, customers.answer(self.command, match["rest"], body, self.headers)
        except ApiError as error:
            return error.status, error.body

    def _press(self, form: Document) -> tuple[int, Content]:
        login = self.server.customers.login
        address, problem = login.page.press(login.store, form)
        if problem:
            return 400, ("text/plain; charset=utf-8", problem.encode())
        self.more_headers = {"Location": address}
        return 302, ("text/plain", b"")

    def scripted(self, rule: Rule) -> tuple[int, Document, dict[str, str]]:
        """Return a scripted failure in the vendor's form; `code` is the name of an error, such as INTERNAL_ERROR."""
        if urlsplit(self.path).path in ("/token", "/revoke"):
            words = "Internal error." if rule.do == "fail" else "Rate limit exceeded."
            body: Document = {"error": rule.code or "internal_failure", "error_description": words}
            return (429 if rule.do == "429" else rule.status), body, {}
        if rule.do == "429":
            return 429, status_body(429, [failure(quota_fault(rule.retry_after, rule.code))]), {}
        group = "databaseError" if rule.code == "CONCURRENT_MODIFICATION" else "internalError"
        fault = Fault(group, rule.code or "TRANSIENT_ERROR", "A transient internal error has occurred.")
        return rule.status, status_body(rule.status, [failure(fault)]), {}

    def change(self, wanted: Document) -> Document:
        """Change a campaign or budget as somebody else does on the platform."""
        return self.server.customers.change(wanted)

    def control(self, path: str, body: Document) -> tuple[int, Document]:
        """Answer control requests of the page and of tests."""
        if not path.startswith(CONTROL):
            raise not_found()
        return self.server.customers.control(self.command, path, urlsplit(self.path).query, body)

    def parse(self, raw: bytes) -> Document:
        """Return a request's form or JSON; control requests are JSON, which pages of other origins can't send."""
        kind = self.headers.get_content_type()
        if kind == "application/x-www-form-urlencoded" and not self.path.startswith("/__"):
            return parse_pairs(raw.decode("utf-8", "replace"))
        if raw and kind != "application/json":
            raise ApiError(415, "json_only", "Send JSON.")
        return super().parse(raw)

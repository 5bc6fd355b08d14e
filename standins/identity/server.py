"""The sandbox identity's HTTP server: an issuer for each company below its name, and the page of all of them."""

from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from standins.consent import POLICY, parse_pairs
from standins.errors import ApiError, not_found
from standins.identity.company import Companies
from standins.identity.issuer import Answer, Issuer, cookie_name
from standins.identity.seed import COMPANIES
from standins.store import Document
from standins.web import Content, StandInHandler, StandInServer


class IdentityServer(StandInServer):
    """The server with its companies."""

    def __init__(self, address: tuple[str, int], companies: Companies) -> None:
        self.companies = companies
        super().__init__(address, Handler)
        companies.address = f"http://{self.server_name}:{self.server_port}"

    def reset(self) -> None:
        """Return to the initial state."""
        super().reset()
        self.companies.reset()


class Handler(StandInHandler):
    """One connection."""

    server: IdentityServer
    name = "sandbox-identity"
    page = Path(__file__).with_name("page.html")
    server_version = "SandboxIdentity/1"
    max_body: ClassVar[int] = 64 * 1024

    def answer(self, path: str, query: str, body: Document) -> tuple[int, Document | Content]:
        """Return the answer of a company's identity provider."""
        slug, _, place = path.removeprefix("/").partition("/")
        if slug not in COMPANIES:
            return 404, {"error": "not_found"}
        issuer = Issuer(self.server.companies, slug)
        try:
            status, answer, headers = self._answer_of(issuer, place, {**parse_pairs(query), **body})
        except ApiError as error:
            status, answer, headers = error.status, error.body, {}
        self.more_headers = {"Content-Security-Policy": POLICY, **headers}
        self.server.companies.store.note(slug, "sign-in", f"{self.command} {path}", status)
        return status, answer

    def _answer_of(self, issuer: Issuer, place: str, said: Document) -> Answer:
        header = self.headers.get("Authorization", "")
        match self.command, place:
            case "GET", ".well-known/openid-configuration":
                return 200, issuer.metadata(), {}
            case "GET", "jwks":
                return 200, issuer.companies.keys.published(issuer.slug), {}
            case "GET", "auth":
                return issuer.authorize(said, self._cookie(issuer.slug))
            case "POST", "auth":
                return issuer.press(said, self._cookie(issuer.slug))
            case "POST", "token":
                return issuer.give_tokens(said, header)
            case "GET" | "POST", "userinfo":
                return issuer.userinfo(header)
            case "GET" | "POST", "end":
                return issuer.end(said, self._cookie(issuer.slug))
        return 404, {"error": "not_found"}, {}

    def _cookie(self, slug: str) -> str:
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(cookie_name(slug))
        except CookieError:
            return ""
        return found.value if found else ""

    def failure(self, status: int) -> Document:
        """Return the body of a scripted failure."""
        return {"error": "temporarily_unavailable", "error_description": "As scripted."}

    def control(self, path: str, body: Document) -> tuple[int, Document]:
        """Answer control requests of the page and of tests."""
        companies = self.server.companies
        if self.command == "GET":
            wanted = parse_pairs(urlsplit(self.path).query)
            match path:
                case "/__view":
                    return 200, companies.view()
                case "/__journal":
                    slug = companies.row(wanted.get("company"))["slug"]
                    return 200, {"items": companies.store.journal(slug, int(wanted.get("after", 0)))}
            raise not_found()
        changes = {
            "/__company": companies.connect,
            "/__person": companies.save_person,
            "/__group": companies.save_group,
            "/__switch": companies.switch,
            "/__sign_out": companies.sign_out_everywhere,
            "/__rotate": companies.rotate,
            "/__push": companies.push_all,
            "/__behave": companies.behave,
        }
        if self.command != "POST" or path not in changes:
            raise not_found()
        return 200, changes[path](body)

    def parse(self, raw: bytes) -> Document:
        """Return a request's form or JSON; control requests are JSON, which pages of other origins can't send."""
        kind = self.headers.get_content_type()
        if kind == "application/x-www-form-urlencoded" and not self.path.startswith("/__"):
            return parse_pairs(raw.decode("utf-8", "replace"))
        if raw and kind != "application/json":
            raise ApiError(415, "json_only", "Send JSON.")
        return super().parse(raw)

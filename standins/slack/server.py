"""The sandbox Slack's HTTP server: the Web API for the product, and the human page."""

from pathlib import Path
from typing import ClassVar

from standins.errors import ApiError, not_found
from standins.slack.slack import Slack
from standins.store import Document
from standins.web import Content, StandInHandler, StandInServer

API = "/api/"
ANSWERS = "/actions/"


class SlackServer(StandInServer):
    """The server with its workspaces."""

    def __init__(self, address: tuple[str, int], slack: Slack) -> None:
        self.slack = slack
        super().__init__(address, Handler)
        slack.address = f"http://{self.server_name}:{self.server_port}"

    def reset(self) -> None:
        """Return to the initial state."""
        super().reset()
        self.slack.reset()


class Handler(StandInHandler):
    """One connection."""

    server: SlackServer
    name = "sandbox-slack"
    page = Path(__file__).with_name("page.html")
    server_version = "SandboxSlack/1"
    max_body: ClassVar[int] = 1024 * 1024

    def answer(self, path: str, query: str, body: Document) -> tuple[int, Document | Content]:
        """Return the API's answer in the vendor's format."""
        if self.command != "POST":
            return 405, {"ok": False, "error": "method_not_allowed"}
        if path.startswith(ANSWERS):
            team, _, ticket = path.removeprefix(ANSWERS).partition("/")
            try:
                status, text = self.server.slack.answer(team, ticket, body)
            except ApiError as problem:
                status, text = problem.status, problem.body["code"]
            return status, ("text/plain", text.encode())
        if not path.startswith(API):
            return 404, {"ok": False, "error": "not_found"}
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return 200, self.server.slack.call(path.removeprefix(API), token if scheme == "Bearer" else "", body)

    def control(self, path: str, body: Document) -> tuple[int, Document]:
        """Answer control requests of the page and of tests."""
        slack = self.server.slack
        match self.command, path:
            case "GET", "/__view":
                return 200, slack.view()
            case "POST", "/__press":
                return 200, slack.press(body)
            case "POST", "/__submit":
                return 200, slack.submit(body)
            case "POST", "/__behave":
                return 200, slack.behave(body)
        raise not_found()

    def parse(self, raw: bytes) -> Document:
        """Return a request's JSON; requires its content type, which pages of other origins can't set."""
        content_type = self.headers.get("Content-Type", "").partition(";")[0]
        if raw and content_type != "application/json":
            raise ApiError(415, "json_only", "Send JSON.")
        return super().parse(raw)

"""The sandbox PagerDuty's HTTP server: the Events API for the product, and the human page."""

from pathlib import Path

from standins.errors import ApiError, not_found
from standins.pagerduty.pagerduty import InvalidEvent, PagerDuty
from standins.store import Document
from standins.web import Content, StandInHandler, StandInServer

ENQUEUE = "/v2/enqueue"


class PagerDutyServer(StandInServer):
    """The server with its services."""

    def __init__(self, address: tuple[str, int], pagerduty: PagerDuty) -> None:
        self.pagerduty = pagerduty
        super().__init__(address, Handler)

    def reset(self) -> None:
        """Return to the initial state."""
        super().reset()
        self.pagerduty.reset()


class Handler(StandInHandler):
    """One connection."""

    server: PagerDutyServer
    name = "sandbox-pagerduty"
    page = Path(__file__).with_name("page.html")
    server_version = "SandboxPagerDuty/1"

    def answer(self, path: str, query: str, body: Document) -> tuple[int, Document | Content]:
        """Return the API's answer in the vendor's format."""
        if path != ENQUEUE:
            return 404, {"status": "not found", "message": "Not found"}
        if self.command != "POST":
            return 405, {"status": "method not allowed", "message": "Send a POST"}
        try:
            return 202, self.server.pagerduty.enqueue(body)
        except InvalidEvent as problem:
            return 400, problem.body

    def failure(self, status: int) -> Document:
        """Return the body of a scripted failure, in the vendor's format."""
        if status == 429:
            return {"status": "throttle exceeded", "message": "Requests for this service are arriving too quickly"}
        return {"status": "error", "message": "As scripted", "errors": ["As scripted"]}

    def control(self, path: str, body: Document) -> tuple[int, Document]:
        """Answer control requests of the page and of tests."""
        if (self.command, path) == ("GET", "/__view"):
            return 200, self.server.pagerduty.view()
        raise not_found()

    def parse(self, raw: bytes) -> Document:
        """Return a request's JSON; requires its content type, which pages of other origins can't set."""
        content_type = self.headers.get("Content-Type", "").partition(";")[0]
        if raw and content_type != "application/json":
            raise ApiError(415, "json_only", "Send JSON.")
        return super().parse(raw)

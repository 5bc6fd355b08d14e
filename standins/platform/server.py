"""The platform's HTTP server: bearer tokens, the API, and the data of its human page."""

from pathlib import Path
from urllib.parse import parse_qsl, unquote

from standins.errors import ApiError, not_found
from standins.platform import api
from standins.platform.seed import seed_demo
from standins.platform.store import Account, Store
from standins.store import Document
from standins.web import StandInHandler, StandInServer


class PlatformServer(StandInServer):
    """The server with its store."""

    def __init__(self, address: tuple[str, int], store: Store, *, demo: bool) -> None:
        self.store = store
        self.demo = demo
        super().__init__(address, Handler)

    def reset(self) -> None:
        """Return to the initial state: seed, empty journal, no rules."""
        super().reset()
        with self.store.transaction():
            self.store.clear()
            if self.demo:
                seed_demo(self.store)


class Handler(StandInHandler):
    """One connection."""

    server: PlatformServer
    name = "sandbox-platform"
    page = Path(__file__).with_name("page.html")
    server_version = "SandboxPlatform/1"

    def answer(self, path: str, query: str, body: Document) -> tuple[int, Document]:
        """Return the API's answer, errors included."""
        try:
            account = self._account()
            names = tuple(unquote(part) for part in path.split("/")[1:])
            if names[0] != "v1":
                raise not_found()
            key = self.headers.get("Idempotency-Key")
            call = api.Call(self.command, names[1:], dict(parse_qsl(query)), body, key)
            return 200, api.answer(self.server.store, account, call)
        except ApiError as error:
            return error.status, error.body

    def control(self, path: str, body: Document) -> tuple[int, Document]:
        """Return the overview for the human page."""
        if (self.command, path) != ("GET", "/__view"):
            raise not_found()
        return 200, api.overview(self.server.store)

    def _account(self) -> Account:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            account = self.server.store.get_account_by_token(token.strip())
            if account:
                return account
        raise ApiError(401, "unauthorized", "Unknown or missing bearer token.")

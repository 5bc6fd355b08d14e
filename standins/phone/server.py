"""The phone's HTTP server: Twilio's REST API for the product, and the human page."""

import base64
import binascii
from pathlib import Path
from urllib.parse import parse_qsl

from standins.errors import ApiError, not_found
from standins.phone import rest
from standins.phone.phone import Phone
from standins.phone.store import Account
from standins.store import Document
from standins.web import Content, StandInHandler, StandInServer

ROOT = "/2010-04-01/Accounts/"


class PhoneServer(StandInServer):
    """The server with its phone."""

    def __init__(self, address: tuple[str, int], phone: Phone) -> None:
        self.phone = phone
        super().__init__(address, Handler)

    def reset(self) -> None:
        """Return to the initial state."""
        super().reset()
        self.phone.reset()


class Handler(StandInHandler):
    """One connection."""

    server: PhoneServer
    name = "sandbox-phone"
    max_body = 4 * 1024 * 1024
    page = Path(__file__).with_name("page.html")
    server_version = "SandboxPhone/1"

    def answer(self, path: str, query: str, body: Document) -> tuple[int, Document | Content]:
        """Return the API's answer in the vendor's format."""
        try:
            if (self.command, path) == ("GET", "/v1/ContentAndApprovals"):
                return 200, rest.list_contents(self._account(""))
            if not path.startswith(ROOT):
                raise rest.refusal(404, 20404, f"The requested resource {path} was not found")
            sid, _, rest_of_path = path.removeprefix(ROOT).partition("/")
            return self._call(self._account(sid), rest_of_path, query, body)
        except ApiError as error:
            return error.status, error.body

    def _call(self, account: Account, path: str, query: str, body: Document) -> tuple[int, Document | Content]:
        phone = self.server.phone
        match self.command, path:
            case "POST", "Messages.json":
                return 201, phone.send(account, body)
            case "GET", "Messages.json":
                return 200, rest.list_messages(phone.store, account, dict(parse_qsl(query)))
        file = phone.store.get_file(account.sid, path)
        if file is not None and self.command == "GET":
            return 200, file
        sid = path.removeprefix("Messages/").removesuffix(".json")
        message = phone.store.get_message(account.sid, sid)
        if message is None or self.command != "GET":
            raise rest.refusal(404, 20404, f"The requested resource {path} was not found")
        return 200, rest.serialize_message(message)

    def _account(self, sid: str) -> Account:
        scheme, _, credentials = self.headers.get("Authorization", "").partition(" ")
        try:
            user, _, token = base64.b64decode(credentials).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user, token = "", ""
        account = self.server.phone.accounts.get(user)
        if scheme.lower() != "basic" or account is None or account.token != token:
            raise rest.refusal(401, 20003, "Authenticate")
        if sid and sid != account.sid:
            raise rest.refusal(404, 20404, f"The requested resource {self.path} was not found")
        return account

    def control(self, path: str, body: Document) -> tuple[int, Document]:
        """Answer control requests of the page and of tests."""
        phone = self.server.phone
        match self.command, path:
            case "GET", "/__view":
                return 200, phone.view()
            case "POST", "/__write":
                return 201, phone.write(body)
            case "POST", "/__read":
                account = phone.accounts.get(str(body.get("account", "")))
                return 200, {"read": phone.read(account) if account else 0}
            case "POST", "/__behave":
                return 200, phone.behave(body)
        raise not_found()

    def parse(self, raw: bytes) -> Document:
        """Return a form of the API, or the JSON of a control request.

        Control requests need the JSON content type, which pages of other origins can't set.
        """
        content_type = self.headers.get("Content-Type", "").partition(";")[0]
        if content_type == "application/x-www-form-urlencoded" and not self.path.startswith("/__"):
            pairs = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True)
            return {**dict(pairs), "media": [value for name, value in pairs if name == "MediaUrl"]}
        if raw and content_type != "application/json":
            raise ApiError(415, "json_only", "Send JSON.")
        return super().parse(raw)

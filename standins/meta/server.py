"""The HTTP server of the sandbox Meta: the Graph API for the product, and the human page."""

import hashlib
import re
from pathlib import Path
from typing import ClassVar

from standins.errors import ApiError, not_found
from standins.meta import uploads
from standins.meta.world import Number, World, refusal
from standins.phone import server as phone_server
from standins.store import Document
from standins.web import Content, StandInHandler, StandInServer

_PATH = re.compile(r"/v[0-9]+\.[0-9]+/(?P<rest>.+)")


class MetaServer(StandInServer):
    """The server with its numbers."""

    def __init__(self, address: tuple[str, int], world: World) -> None:
        self.world = world
        super().__init__(address, Handler)

    def reset(self) -> None:
        """Return to the initial state."""
        super().reset()
        self.world.reset()


class Handler(StandInHandler):
    """One connection."""

    server: MetaServer
    name = "sandbox-meta"
    max_body = 18 * 1024 * 1024
    page = Path(phone_server.__file__).with_name("page.html")
    page_words: ClassVar[dict[bytes, bytes]] = {
        b"Sandbox phone": b"Sandbox Meta",
        b"A stand-in for WhatsApp.": b"A stand-in for WhatsApp by Meta.",
    }
    server_version = "SandboxMeta/1"

    def answer(self, path: str, query: str, body: Document) -> tuple[int, Document | Content]:
        """Return the API's answer in the vendor's format."""
        try:
            return self._call(self._number(), path, body)
        except ApiError as error:
            return error.status, error.body

    def _call(self, number: Number, path: str, body: Document) -> tuple[int, Document | Content]:
        world = self.server.world
        if path.startswith("/files/") and self.command == "GET":
            found = world.store.get_file(number.sid, path.removeprefix("/files/"))
            if found is not None:
                return 200, found
        match = _PATH.fullmatch(path)
        if match is None:
            raise refusal(404, 2500, "Unknown path components")
        rest = match["rest"]
        if (self.command, rest) == ("POST", f"{number.sid}/messages"):
            return 200, world.send(number, body)
        if (self.command, rest) == ("POST", f"{number.sid}/media"):
            return 200, world.upload(number, body)
        if (self.command, rest) == ("GET", f"{number.business_account_id}/message_templates"):
            return 200, {"data": world.templates, "paging": {"cursors": {"before": "MA", "after": "MQ"}}}
        file = world.store.get_file(number.sid, rest) if self.command == "GET" else None
        if file is None:
            raise refusal(400, 100, f"Unsupported request - object with ID {rest[:40]} does not exist")
        facts: Document = {"messaging_product": "whatsapp", "url": f"{world.address}/files/{rest}", "id": rest}
        facts |= {"mime_type": file[0], "file_size": len(file[1]), "sha256": hashlib.sha256(file[1]).hexdigest()}
        return 200, {**facts, **world.behaviour.media}

    def _number(self) -> Number:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        numbers = self.server.world.accounts.values()
        found = next((number for number in numbers if number.token == token), None)
        if scheme.lower() != "bearer" or found is None or self.server.world.behaviour.token_expired:
            raise refusal(401, 190, "Error validating access token: Session has expired")
        return found

    def control(self, path: str, body: Document) -> tuple[int, Document]:
        """Answer control requests of the page and of tests."""
        world = self.server.world
        match self.command, path:
            case "GET", "/__view":
                return 200, world.view()
            case "POST", "/__write":
                return 201, world.write(body)
            case "POST", "/__prefer":
                return 200, world.prefer(body)
            case "POST", "/__read":
                return 200, {"read": world.read(world.number(body.get("account")))}
            case "POST", "/__behave":
                return 200, world.behave(body)
            case "POST", "/__post":
                number = world.number(body.get("account"))
                status = world.poster.post(number.sid, number.key, number.app_secret, dict(body.get("document") or {}))
                return 200, {"status": status}
        raise not_found()

    def parse(self, raw: bytes) -> Document:
        """Return the JSON of a request, or the form of an upload; pages of other origins can't set its content type."""
        is_upload = _PATH.fullmatch(self.path) and self.path.endswith("/media")
        if is_upload and self.headers.get_content_type() == "multipart/form-data":
            return uploads.parse_form(raw, self.headers.get("Content-Type", ""))
        if raw and self.headers.get("Content-Type", "").partition(";")[0] != "application/json":
            raise ApiError(415, "json_only", "Send JSON.")
        return super().parse(raw)

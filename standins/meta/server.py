"""The HTTP server of the sandbox Meta: the Graph API for the product, and the human pages."""

import hashlib
import re
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from standins.ads import CONTROL
from standins.consent import parse_pairs
from standins.errors import ApiError, not_found
from standins.meta import uploads
from standins.meta.ads import door
from standins.meta.ads.graph import Graph
from standins.meta.world import Number, World, refusal
from standins.phone import server as phone_server
from standins.script import Rule
from standins.store import Document
from standins.web import Content, StandInHandler, StandInServer

_PATH = re.compile(r"/v[0-9]+\.[0-9]+/(?P<rest>.+)")


class MetaServer(StandInServer):
    """The server with its numbers and its ad accounts."""

    def __init__(self, address: tuple[str, int], world: World, ads: Graph) -> None:
        self.world, self.ads = world, ads
        super().__init__(address, Handler)

    def reset(self) -> None:
        """Return to the initial state."""
        super().reset()
        self.world.reset()
        self.ads.reset()

    def server_close(self) -> None:
        """Stop listening and close the file of the ads."""
        super().server_close()
        self.ads.store.close()


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
        if path == "/ads" and self.command == "GET":
            status, content, self.more_headers = door.people_page()
            return status, content
        rest = self._ads_path(path)
        if rest:
            # The form of the login dialog says all there is: a scope that isn't ticked isn't sent.
            is_form = rest == "dialog/oauth" and self.command == "POST"
            params = body if is_form else {**parse_pairs(query), **body}
            status, found, self.more_headers = door.answer(self.server.ads, self.command, rest, params, self.headers)
            return status, found
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

    def _ads_path(self, path: str) -> str:
        """Return the address below the version if it is one of the Marketing API, or ""."""
        match = _PATH.fullmatch(path)
        # The vendor's SDK ends addresses with a slash.
        rest = match["rest"].rstrip("/") if match else ""
        return rest if self.server.ads.is_ads(rest) else ""

    def scripted(self, rule: Rule) -> tuple[int, Document, dict[str, str]]:
        """Return a scripted failure or limit in the form of the API that is called."""
        if self._ads_path(urlsplit(self.path).path):
            return door.scripted(rule)
        return super().scripted(rule)

    def change(self, wanted: Document) -> Document:
        """Change a campaign or ad set as somebody else does on the platform."""
        return self.server.ads.change(wanted)

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
        if path.startswith(CONTROL):
            return self.server.ads.control(self.command, path, urlsplit(self.path).query, body)
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
        """Return the JSON or form of a request; control requests are JSON, which pages of other origins can't send."""
        if self.headers.get_content_type() == "application/x-www-form-urlencoded" and not self.path.startswith("/__"):
            return parse_pairs(raw.decode("utf-8", "replace"))
        is_upload = _PATH.fullmatch(self.path) and self.path.endswith("/media")
        if is_upload and self.headers.get_content_type() == "multipart/form-data":
            return uploads.parse_form(raw, self.headers.get("Content-Type", ""))
        if raw and self.headers.get("Content-Type", "").partition(";")[0] != "application/json":
            raise ApiError(415, "json_only", "Send JSON.")
        return super().parse(raw)

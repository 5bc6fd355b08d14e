"""The sandbox HubSpot's HTTP server."""

import re
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote

from standins.errors import ApiError
from standins.hubspot.portal import KINDS, PORTALS, Portal, problem, stamp, token_of
from standins.script import Rule
from standins.store import Document
from standins.tickets import PAGE, Counter, answer_control
from standins.web import Content, StandInHandler, StandInServer

_OBJECTS = re.compile(rf"/crm/v3/objects/(?P<kind>{'|'.join(KINDS)})(?:/(?P<id>[^/]+))?")
_PROPERTY = re.compile(rf"/crm/v3/properties/(?P<kind>{'|'.join(KINDS)})/(?P<name>[a-z_]+)")
MOST_AT_ONCE, MOST_WITH_HISTORY = 100, 50
BATCH_READS = {("POST", f"/crm/v3/objects/{kind}/batch/read"): kind for kind in ("tickets", "contacts")}


class HubspotServer(StandInServer):
    """The server with its portals."""

    def __init__(self, address: tuple[str, int], portal: Portal) -> None:
        self.portal, self.counter = portal, Counter()
        super().__init__(address, Handler)

    def reset(self) -> None:
        """Return to the initial state."""
        super().reset()
        self.portal.reset()
        self.counter.take()


class Handler(StandInHandler):
    """One connection."""

    server: HubspotServer
    name = "sandbox-hubspot"
    page = PAGE
    page_words: ClassVar[dict[bytes, bytes]] = {b"Sandbox ticket system": b"Sandbox HubSpot"}
    server_version = "SandboxHubSpot/1"

    def answer(self, path: str, query: str, body: Document) -> tuple[int, Document | Content]:
        """Return the API's answer in the vendor's form."""
        self.server.counter.add(f"{self.command} {path}")
        if not path.endswith("/search"):
            self.more_headers = {"X-HubSpot-RateLimit-Daily": "250000", "X-HubSpot-RateLimit-Daily-Remaining": "249870"}
        try:
            return self._answer_api(self._account(), path, dict(parse_qsl(query)), body)
        except ApiError as error:
            return error.status, error.body

    def _account(self) -> str:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        for portal in PORTALS:
            if (scheme, token) == ("Bearer", token_of(portal)):
                return portal
        raise problem(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")

    def _answer_api(
        self, portal: str, path: str, query: dict[str, str], body: Document
    ) -> tuple[int, Document | Content]:
        objects = self.server.portal
        named = _PROPERTY.fullmatch(path)
        if self.command == "GET" and named:
            return 200, objects.find_property(named["kind"], named["name"])
        if (self.command, path) in BATCH_READS:
            inputs, history = body.get("inputs", []), body.get("propertiesWithHistory", [])
            if not isinstance(inputs, list) or len(inputs) > (MOST_WITH_HISTORY if history else MOST_AT_ONCE):
                raise problem(400, "VALIDATION_ERROR", "Too many inputs")
            found = [objects.store.get(portal, BATCH_READS[self.command, path], int(one["id"])) for one in inputs]
            return 200, complete([{**show(row), **history_of(row, history)} for row in found if row])
        if (self.command, path) == ("POST", "/crm/v3/objects/contacts/batch/upsert"):
            row, is_new = objects.upsert(portal, body)
            what = "creation" if is_new else "propertyChange"
            objects.poster.post_later(portal, (f"contact.{what}", row["id"]))
            return 200, complete([{**show(row), "new": is_new}])
        if (self.command, path) == ("POST", "/crm/v3/objects/contacts/search"):
            page = objects.search(portal, body)
            return 200, {**page, "results": [show(row) for row in page["results"]]}
        if (self.command, path) == ("POST", "/crm/v3/objects/contacts/gdpr-delete"):
            objects.purge(portal, body)
            return 204, ("application/json", b"")
        place = _OBJECTS.fullmatch(path)
        if place is None:
            raise problem(404, "OBJECT_NOT_FOUND", "No such endpoint")
        if self.command == "POST" and not place["id"]:
            return 201, show(objects.create(portal, place["kind"], body))
        if self.command != "GET" or not place["id"]:
            raise problem(405, "METHOD_NOT_ALLOWED", "Not here")
        row = objects.find(portal, place["kind"], unquote(place["id"]), query.get("idProperty", ""))
        answer = show(row)
        other = query.get("associations", "")
        linked = objects.associated(portal, place["kind"], row, other) if other in KINDS else []
        if linked:
            answer["associations"] = {other: {"results": [{"id": str(one), "type": "linked"} for one in linked]}}
        return 200, answer

    def failure(self, status: int) -> Document:
        """Return the body of a scripted failure in the vendor's form."""
        if status == 429:
            return problem(429, "RATE_LIMITS", "You have reached your secondly limit.").body
        return problem(status, "INTERNAL_ERROR", "As scripted").body

    def scripted(self, rule: Rule) -> tuple[int, Document, dict[str, str]]:
        """Return a scripted failure; `code` is the vendor's category."""
        status, body, headers = super().scripted(rule)
        return status, {**body, "category": rule.code or body["category"]}, headers

    def change(self, wanted: Document) -> Document:
        """Change a ticket as a person does there."""
        return self.server.portal.change(wanted)

    def control(self, path: str, body: Document) -> tuple[int, Any]:
        """Answer control requests of the page and of tests."""
        if (self.command, path) == ("POST", "/__change"):
            return 200, self.server.portal.change(body)
        if (self.command, path) == ("POST", "/__hook"):
            return 200, self.server.portal.set_address(body)
        if (self.command, path) == ("GET", "/__deliveries"):
            return 200, {"items": self.server.portal.poster.deliveries}
        return 200, answer_control(self.server.portal.store, self.server.counter, self.command, path)


def complete(results: list[Document]) -> Document:
    """Return the answer to a request about many objects."""
    moment = stamp()
    return {"status": "COMPLETE", "startedAt": moment, "completedAt": moment, "results": results}


def show(row: Document) -> Document:
    """Return an object as the API shows it."""
    return {**{name: value for name, value in row.items() if name not in ("linked", "dates")}, "id": str(row["id"])}


def history_of(row: Document, names: list[str]) -> Document:
    """Return the last value of each property with its date, as a request for history gets it."""
    values = {
        name: [{"value": row["properties"][name], "timestamp": row["dates"][name], "sourceType": "CRM_UI"}]
        for name in names
        if name in row["dates"]
    }
    return {"propertiesWithHistory": values} if names else {}

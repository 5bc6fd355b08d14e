"""What PagerDuty does with events: refuse wrong ones, and join those of a key to one incident."""

import json
import secrets
import threading
from collections.abc import Sequence

from standins.clock import now
from standins.pagerduty.seed import Service
from standins.store import Document, SqliteStore

ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
STATES = {"trigger": "triggered", "acknowledge": "acknowledged", "resolve": "resolved"}
LONGEST_SUMMARY = 1024
LONGEST_KEY = 255
SCHEMA = """
create table if not exists event (
    number integer primary key autoincrement, service text not null, action text not null, dedup_key text not null,
    body text not null, time text not null
);
create table if not exists incident (
    number integer primary key autoincrement, service text not null, dedup_key text not null, state text not null,
    summary text not null, severity text not null, began text not null, changed text not null
);
"""


class InvalidEvent(Exception):
    """An event that PagerDuty refuses, with the sentences of its answer."""

    def __init__(self, *errors: str) -> None:
        super().__init__("; ".join(errors))
        self.body = {"status": "invalid event", "message": "Event object is invalid", "errors": list(errors)}


class Store(SqliteStore):
    """The journal of events, and the incidents they made."""

    schema = SCHEMA
    tables = ("event", "incident")

    def note(self, service: str, action: str, key: str, body: Document) -> None:
        """Keep an event as it came, without the routing key."""
        kept = json.dumps({name: value for name, value in body.items() if name != "routing_key"})
        sql = "insert into event (service, action, dedup_key, body, time) values (?, ?, ?, ?, ?)"
        self._change(sql, service, action, key, kept, now().isoformat())

    def open_incident(self, service: str, key: str) -> Document | None:
        """Return the incident of a key that isn't resolved, or None."""
        sql = "select * from incident where service = ? and dedup_key = ? and state != 'resolved'"
        rows = self._rows(sql, service, key)
        return dict(rows[0]) if rows else None

    def begin(self, service: str, key: str, payload: Document) -> None:
        """Begin an incident."""
        sql = (
            "insert into incident (service, dedup_key, state, summary, severity, began, changed) "
            "values (?, ?, 'triggered', ?, ?, ?, ?)"
        )
        moment = now().isoformat()
        self._change(sql, service, key, payload["summary"], payload["severity"], moment, moment)

    def move(self, number: int, state: str) -> None:
        """Change the state of an incident."""
        self._change("update incident set state = ?, changed = ? where number = ?", state, now().isoformat(), number)

    def incidents(self, service: str, limit: int = 50) -> list[Document]:
        """Return the newest incidents, newest first."""
        sql = "select * from incident where service = ? order by number desc limit ?"
        return [dict(row) for row in self._rows(sql, service, limit)]

    def events(self, service: str, limit: int = 200) -> list[Document]:
        """Return the newest events, oldest first."""
        rows = self._rows("select * from event where service = ? order by number desc limit ?", service, limit)
        return [{**dict(row), "body": json.loads(row["body"])} for row in reversed(rows)]


class PagerDuty:
    """All services."""

    def __init__(self, store: Store, services: Sequence[Service]) -> None:
        self._store = store
        self._services = {service.routing_key: service for service in services}
        self._guard = threading.Lock()

    def reset(self) -> None:
        """Forget everything."""
        self._store.clear()

    def enqueue(self, body: Document) -> Document:
        """Take an event; raises InvalidEvent."""
        service = self._services.get(str(body.get("routing_key")))
        if service is None:
            raise InvalidEvent("Invalid routing key")
        errors = list(_errors(body))
        if errors:
            raise InvalidEvent(*errors)
        action, key = body["event_action"], body.get("dedup_key") or secrets.token_hex(16)
        with self._guard:
            self._store.note(service.slug, action, key, body)
            found = self._store.open_incident(service.slug, key)
            if found is None and action == "trigger":
                self._store.begin(service.slug, key, body["payload"])
            elif found is not None and action != "trigger":
                self._store.move(found["number"], STATES[action])
        return {"status": "success", "message": "Event processed", "dedup_key": key}

    def view(self) -> Document:
        """Return what the page shows: no routing key."""
        return {
            "services": [
                {
                    "slug": service.slug,
                    "name": service.name,
                    "incidents": self._store.incidents(service.slug),
                    "events": self._store.events(service.slug),
                }
                for service in self._services.values()
            ]
        }


def _errors(body: Document) -> list[str]:
    action, key = body.get("event_action"), body.get("dedup_key")
    found: list[str] = []
    if action not in ACTIONS:
        found.append("'event_action' is missing or invalid (must be trigger, acknowledge or resolve)")
    if key is not None and (not isinstance(key, str) or len(key) > LONGEST_KEY):
        found.append(f"'dedup_key' must be a string of at most {LONGEST_KEY} characters")
    if action in ("acknowledge", "resolve") and not key:
        found.append("'dedup_key' is missing or blank")
    if action == "trigger":
        found += _payload_errors(body.get("payload"))
    links = body.get("links", [])
    if not isinstance(links, list) or not all(isinstance(link, dict) and link.get("href") for link in links):
        found.append("'links' must be a list of objects with an 'href'")
    return found


def _payload_errors(payload: object) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing or blank"]
    found = [
        f"'payload.{name}' is missing or blank"
        for name in ("summary", "source")
        if not isinstance(payload.get(name), str) or not payload[name].strip()
    ]
    if len(str(payload.get("summary", ""))) > LONGEST_SUMMARY:
        found.append(f"'payload.summary' must be at most {LONGEST_SUMMARY} characters")
    if payload.get("severity") not in SEVERITIES:
        found.append("'payload.severity' is invalid (must be one of the following: critical, error, warning, info)")
    return found

"""The sandbox Slack's durable store: messages with all their versions, forms, and requests to the product."""

import json
import sqlite3
from typing import Any

from standins.store import Document, SqliteStore

SCHEMA = """
create table if not exists message (
    number integer primary key autoincrement, team text not null, channel text not null, ts text not null unique,
    only_for text not null, versions text not null, created text not null
);
create table if not exists form (
    number integer primary key autoincrement, id text not null unique, team text not null, person text not null,
    view text not null, is_open integer not null
);
create table if not exists request (
    number integer primary key autoincrement, team text not null, payload text not null, status integer not null,
    seconds real not null, time text not null
);
"""
TABLES = ("message", "form", "request")


class Store(SqliteStore):
    """Reads and writes of messages, forms and requests."""

    schema = SCHEMA
    tables = TABLES

    def add_message(self, team: str, channel: str, ts: str, body: Document, time: str, only_for: str = "") -> None:
        """Insert a message; `only_for` is the one member who sees it."""
        sql = "insert into message (team, channel, ts, only_for, versions, created) values (?, ?, ?, ?, ?, ?)"
        self._change(sql, team, channel, ts, only_for, json.dumps([body]), time)

    def change_message(self, team: str, channel: str, ts: str, body: Document) -> bool:
        """Add a version of a message; False if there is none."""
        found = self.get_message(team, channel, ts)
        if found is None:
            return False
        self._change("update message set versions = ? where ts = ?", json.dumps([*found["versions"], body]), ts)
        return True

    def get_message(self, team: str, channel: str, ts: str) -> Document | None:
        """Return a message with all its versions, or None."""
        sql = "select * from message where team = ? and channel = ? and ts = ?"
        rows = self._rows(sql, team, channel, ts)
        return _message(rows[0]) if rows else None

    def list_messages(self, team: str, limit: int = 200) -> list[Document]:
        """Return the newest messages, newest first."""
        rows = self._rows("select * from message where team = ? order by number desc limit ?", team, limit)
        return [_message(row) for row in rows]

    def add_form(self, form_id: str, team: str, person: str, view: Document) -> None:
        """Insert a form that is open for a member."""
        sql = "insert into form (id, team, person, view, is_open) values (?, ?, ?, ?, 1)"
        self._change(sql, form_id, team, person, json.dumps(view))

    def close_form(self, form_id: str) -> None:
        """Close a form."""
        self._change("update form set is_open = 0 where id = ?", form_id)

    def list_forms(self, team: str) -> list[Document]:
        """Return the forms, newest first."""
        rows = self._rows("select * from form where team = ? order by number desc limit 50", team)
        return [{**dict(row), "view": json.loads(row["view"])} for row in rows]

    def add_request(self, team: str, payload: Any, status: int, seconds: float, time: str) -> None:
        """Store a request to the product and the status of its answer (0: none)."""
        sql = "insert into request (team, payload, status, seconds, time) values (?, ?, ?, ?, ?)"
        self._change(sql, team, json.dumps(payload), status, seconds, time)

    def list_requests(self, team: str, limit: int = 50) -> list[Document]:
        """Return the newest requests, newest first."""
        rows = self._rows("select * from request where team = ? order by number desc limit ?", team, limit)
        return [{**dict(row), "payload": json.loads(row["payload"])} for row in rows]


def _message(row: sqlite3.Row) -> Document:
    message = dict(row)
    return {**message, "versions": json.loads(message["versions"])}

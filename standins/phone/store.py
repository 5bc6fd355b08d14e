"""The phone's durable store: messages of both directions, files, opt-outs and posted webhooks."""

import json
import sqlite3
from dataclasses import dataclass, field

from standins.store import Document, SqliteStore

SCHEMA = """
create table if not exists message (
    number integer primary key autoincrement, sid text not null unique, account text not null,
    direction text not null, sender text not null, recipient text not null, body text not null,
    status text not null, error_code integer, created text not null, more text not null
);
create table if not exists webhook (
    number integer primary key autoincrement, account text not null, url text not null,
    form text not null, status integer not null, answer text not null, time text not null
);
create table if not exists file (
    account text not null, path text not null, kind text not null, content blob not null, primary key (account, path)
);
create table if not exists opted_out (account text not null, phone text not null, primary key (account, phone));
"""
TABLES = ("message", "webhook", "file", "opted_out")


@dataclass(frozen=True)
class Account:
    """One Twilio account with one sender; `people` are the phones on the page, by number."""

    sid: str
    token: str = field(repr=False)
    name: str
    address: str
    people: dict[str, str]
    templates: dict[str, str]


class Store(SqliteStore):
    """Reads and writes of messages, files, opt-outs and webhooks."""

    schema = SCHEMA
    tables = TABLES

    def add_message(self, message: Document) -> None:
        """Insert one message."""
        self._change(
            "insert into message (sid, account, direction, sender, recipient, body, status, created, more)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(message[name] for name in ("sid", "account", "direction", "sender", "recipient", "body")),
            *(message[name] for name in ("status", "created")),
            json.dumps(message["more"]),
        )

    def set_status(self, sid: str, status: str, error_code: int | None = None) -> None:
        """Store a message's status."""
        self._change("update message set status = ?, error_code = ? where sid = ?", status, error_code, sid)

    def get_message(self, account: str, sid: str) -> Document | None:
        """Return one message of an account, or None."""
        rows = self._rows("select * from message where account = ? and sid = ?", account, sid)
        return _message(rows[0]) if rows else None

    def list_messages(self, account: str, *, limit: int = 200) -> list[Document]:
        """Return the newest messages of an account, newest first."""
        rows = self._rows("select * from message where account = ? order by number desc limit ?", account, limit)
        return [_message(row) for row in rows]

    def add_file(self, account: str, path: str, kind: str, content: bytes) -> None:
        """Store a file that a person sends, with its path below the account."""
        self._change("insert or replace into file values (?, ?, ?, ?)", account, path, kind, content)

    def get_file(self, account: str, path: str) -> tuple[str, bytes] | None:
        """Return a file's type and content, or None."""
        rows = self._rows("select kind, content from file where account = ? and path = ?", account, path)
        return (rows[0]["kind"], rows[0]["content"]) if rows else None

    def last_inbound(self, account: str, phone: str) -> str:
        """Return when a phone last wrote to the account, or ""."""
        query = "select max(created) as at from message where account = ? and sender = ? and direction = 'inbound'"
        return str(self._rows(query, account, phone)[0]["at"] or "")

    def set_opted_out(self, account: str, phone: str, *, is_out: bool) -> None:
        """Store a STOP or START."""
        self._change("delete from opted_out where account = ? and phone = ?", account, phone)
        if is_out:
            self._change("insert into opted_out values (?, ?)", account, phone)

    def is_opted_out(self, account: str, phone: str) -> bool:
        """Return True if a phone has opted out of the account's messages."""
        return bool(self._rows("select 1 from opted_out where account = ? and phone = ?", account, phone))

    def add_webhook(self, account: str, url: str, form: Document, status: int, answer: str, time: str) -> None:
        """Store a webhook posted to the product and its answer (status 0: none)."""
        self._change(
            "insert into webhook (account, url, form, status, answer, time) values (?, ?, ?, ?, ?, ?)",
            account,
            url,
            json.dumps(form),
            status,
            answer[:500],
            time,
        )

    def list_webhooks(self, account: str, limit: int = 200) -> list[Document]:
        """Return the newest webhooks of an account, newest first."""
        rows = self._rows("select * from webhook where account = ? order by number desc limit ?", account, limit)
        return [{**dict(row), "form": json.loads(row["form"])} for row in rows]


def _message(row: sqlite3.Row) -> Document:
    message = dict(row)
    return {**message, "more": json.loads(message["more"])}

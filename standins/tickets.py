"""What the stand-ins of ticket systems share: a store of documents with a journal, and their control requests."""

import json
import threading
from pathlib import Path
from typing import Any

from standins.clock import now
from standins.errors import invalid, not_found
from standins.store import Document, SqliteStore

PAGE = Path(__file__).with_name("tickets.html")
SCHEMA = """
create table if not exists document (
    account text not null, kind text not null, id integer not null, body text not null,
    primary key (account, kind, id)
);
create table if not exists keyed (
    account text not null, key text not null, fingerprint text not null, id integer not null,
    primary key (account, key)
);
create table if not exists journal (
    id integer primary key autoincrement, account text not null, time text not null, operation text not null,
    object text not null, detail text not null
);
"""


class TicketStore(SqliteStore):
    """Documents of accounts by kind and number, and every effect in order."""

    schema = SCHEMA
    tables = ("document", "keyed", "journal")

    def is_empty(self) -> bool:
        """Tell whether nothing was seeded yet."""
        return not self._rows("select 1 from document limit 1")

    def next_id(self) -> int:
        """Return a number that no document has or had, in no account."""
        every = "select id from document union all select cast(object as integer) from journal"
        return int(self._rows(f"select coalesce(max(id), 1000) + 1 as next from ({every})")[0]["next"])

    def save(self, account: str, kind: str, body: Document) -> None:
        """Insert or replace a document."""
        given = (account, kind, body["id"], json.dumps(body))
        self._change("insert or replace into document values (?, ?, ?, ?)", *given)

    def remove(self, account: str, kind: str, ident: int) -> None:
        """Delete a document."""
        self._change("delete from document where account = ? and kind = ? and id = ?", account, kind, ident)

    def get(self, account: str, kind: str, ident: int) -> Document | None:
        """Return a document, or None."""
        rows = self._rows("select body from document where account = ? and kind = ? and id = ?", account, kind, ident)
        return json.loads(rows[0]["body"]) if rows else None

    def every(self, account: str, kind: str) -> list[Document]:
        """Return the documents of a kind, oldest first."""
        sql = "select body from document where account = ? and kind = ? order by id"
        return [json.loads(row["body"]) for row in self._rows(sql, account, kind)]

    def get_keyed(self, account: str, key: str) -> tuple[str, int] | None:
        """Return what was sent under an idempotency key, and the number of what it created."""
        rows = self._rows("select fingerprint, id from keyed where account = ? and key = ?", account, key)
        return (rows[0]["fingerprint"], rows[0]["id"]) if rows else None

    def save_keyed(self, account: str, key: str, fingerprint: str, ident: int) -> None:
        """Keep what was created under a key."""
        self._change("insert into keyed values (?, ?, ?, ?)", account, key, fingerprint, ident)

    def note(self, account: str, operation: str, ident: int, **detail: Any) -> None:
        """Append an effect."""
        given = (account, now().isoformat(), operation, str(ident), json.dumps(detail))
        self._change("insert into journal (account, time, operation, object, detail) values (?, ?, ?, ?, ?)", *given)

    def journal(self) -> list[Document]:
        """Return all effects, oldest first."""
        rows = self._rows("select * from journal order by id")
        return [{**dict(row), "detail": json.loads(row["detail"])} for row in rows]


class Counter:
    """How often a request was made, by its method and path."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: list[str] = []

    def add(self, line: str) -> None:
        """Count one."""
        with self._lock:
            self._seen.append(line)

    def take(self) -> list[str]:
        """Return what was seen, and begin again."""
        with self._lock:
            seen, self._seen = self._seen, []
            return seen


def answer_control(store: TicketStore, counter: Counter, method: str, path: str) -> Document:
    """Answer the control requests that both have: what is stored, the effects, and the requests since last time."""
    match method, path:
        case "GET", "/__view":
            rows = store.journal()
            return {"items": rows[-100:]}
        case "GET", "/__journal":
            return {"items": store.journal()}
        case "POST", "/__requests":
            return {"items": counter.take()}
    raise not_found()


def number(text: object) -> int:
    """Return the number of a document; raises a 422 error for anything else."""
    if isinstance(text, int) or (isinstance(text, str) and text.isascii() and text.isdigit()):
        return int(text)
    raise invalid(id="A number.")

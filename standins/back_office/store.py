"""The back office's durable store: transactions, drafts, keys of requests, nonces, tokens, and the journal."""

import json
import time
from typing import Any

from standins.clock import now
from standins.store import Document, SqliteStore

SCHEMA = """
create table if not exists booking (
    number integer primary key autoincrement, id text not null, company text not null, customer text not null,
    body text not null, unique (company, id)
);
create table if not exists draft (
    id text not null, company text not null, body text not null, primary key (company, id)
);
create table if not exists keyed (
    company text not null, key text not null, fingerprint text not null, status integer not null, answer text not null,
    primary key (company, key)
);
create table if not exists nonce (
    key_id text not null, nonce text not null, seen real not null, primary key (key_id, nonce)
);
create table if not exists token (
    token text primary key, company text not null, scope text not null, ends real not null
);
create table if not exists hook (company text primary key, url text not null);
create table if not exists journal (
    id integer primary key autoincrement, company text not null, time text not null, operation text not null,
    object text not null, detail text not null
);
create table if not exists delivery (
    id integer primary key autoincrement, company text not null, event text not null, body text not null,
    status integer not null, time text not null
);
"""


class Store(SqliteStore):
    """Reads and writes of what a back office keeps; each belongs to a company."""

    schema = SCHEMA
    tables = ("booking", "draft", "keyed", "nonce", "token", "hook", "journal", "delivery")

    def is_empty(self) -> bool:
        """Tell whether nothing was seeded yet."""
        return not self._rows("select 1 from booking limit 1")

    def add_booking(self, company: str, body: Document) -> None:
        """Insert a transaction."""
        given = (body["id"], company, body["customer"], json.dumps(body))
        self._change("insert into booking (id, company, customer, body) values (?, ?, ?, ?)", *given)

    def save_booking(self, company: str, body: Document) -> None:
        """Store what has changed of a transaction."""
        self._change("update booking set body = ? where company = ? and id = ?", json.dumps(body), company, body["id"])

    def get_booking(self, company: str, ident: str) -> Document | None:
        """Return a transaction of a company, or None."""
        rows = self._rows("select body from booking where company = ? and id = ?", company, ident)
        return json.loads(rows[0]["body"]) if rows else None

    def bookings(self, company: str, customer: str, before: int, limit: int) -> list[tuple[int, Document]]:
        """Return a customer's transactions with a lower number, newest first, each with its number."""
        sql = "select * from booking where company = ? and customer = ? and number < ? order by number desc limit ?"
        rows = self._rows(sql, company, customer, before, limit)
        return [(row["number"], json.loads(row["body"])) for row in rows]

    def save_draft(self, company: str, body: Document) -> None:
        """Insert or replace a draft."""
        self._change("insert or replace into draft values (?, ?, ?)", body["id"], company, json.dumps(body))

    def get_draft(self, company: str, ident: str) -> Document | None:
        """Return a draft of a company, or None."""
        rows = self._rows("select body from draft where company = ? and id = ?", company, ident)
        return json.loads(rows[0]["body"]) if rows else None

    def drafts(self, company: str) -> list[Document]:
        """Return a company's drafts, newest first."""
        rows = self._rows("select body from draft where company = ? order by rowid desc limit 50", company)
        return [json.loads(row["body"]) for row in rows]

    def get_keyed(self, company: str, key: str) -> tuple[str, int, Document] | None:
        """Return the fingerprint, status and answer of the first use of a key, or None."""
        rows = self._rows("select * from keyed where company = ? and key = ?", company, key)
        return (rows[0]["fingerprint"], rows[0]["status"], json.loads(rows[0]["answer"])) if rows else None

    def save_keyed(self, company: str, key: str, fingerprint: str, status: int, answer: Document) -> None:
        """Keep the first answer to a key, in the transaction of what it did."""
        self._change("insert into keyed values (?, ?, ?, ?, ?)", company, key, fingerprint, status, json.dumps(answer))

    def use_nonce(self, key_id: str, nonce: str, window: float) -> bool:
        """Keep a nonce; False if it was seen within the window."""
        with self.transaction():
            self._change("delete from nonce where seen < ?", time.time() - window)
            if self._rows("select 1 from nonce where key_id = ? and nonce = ?", key_id, nonce):
                return False
            self._change("insert into nonce values (?, ?, ?)", key_id, nonce, time.time())
        return True

    def add_token(self, token: str, company: str, scope: str, seconds: float) -> None:
        """Keep a token."""
        self._change("insert into token values (?, ?, ?, ?)", token, company, scope, time.time() + seconds)

    def get_token(self, token: str) -> tuple[str, str] | None:
        """Return company and scope of a token that counts, or None."""
        rows = self._rows("select company, scope from token where token = ? and ends > ?", token, time.time())
        return (rows[0]["company"], rows[0]["scope"]) if rows else None

    def end_tokens(self, company: str) -> None:
        """End all tokens of a company."""
        self._change("update token set ends = 0 where company = ?", company)

    def set_hook(self, company: str, url: str) -> None:
        """Keep where a company's changes are posted to."""
        self._change("insert or replace into hook values (?, ?)", company, url)

    def get_hook(self, company: str) -> str:
        """Return where a company's changes are posted to, or ""."""
        rows = self._rows("select url from hook where company = ?", company)
        return str(rows[0]["url"]) if rows else ""

    def note(self, company: str, operation: str, ident: str, **detail: Any) -> None:
        """Append an effect."""
        given = (company, now().isoformat(), operation, ident, json.dumps(detail))
        self._change("insert into journal (company, time, operation, object, detail) values (?, ?, ?, ?, ?)", *given)

    def journal(self, company: str = "", after: int = 0) -> list[Document]:
        """Return effects with a higher number, oldest first."""
        sql = "select * from journal where id > ? and (company = ? or ? = '') order by id limit 1000"
        return [{**dict(row), "detail": json.loads(row["detail"])} for row in self._rows(sql, after, company, company)]

    def latest_effects(self, company: str, limit: int) -> list[Document]:
        """Return the newest effects, newest first."""
        rows = self._rows("select * from journal where company = ? order by id desc limit ?", company, limit)
        return [{**dict(row), "detail": json.loads(row["detail"])} for row in rows]

    def add_delivery(self, company: str, event: str, body: str, status: int) -> None:
        """Keep an attempt to post a webhook, and the status of its answer (0: none)."""
        given = (company, event, body, status, now().isoformat())
        self._change("insert into delivery (company, event, body, status, time) values (?, ?, ?, ?, ?)", *given)

    def deliveries(self, company: str) -> list[Document]:
        """Return the attempts to post webhooks, oldest first."""
        return [dict(row) for row in self._rows("select * from delivery where company = ? order by id", company)]

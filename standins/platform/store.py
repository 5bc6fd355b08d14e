"""The platform's durable store: accounts, resources, keys and the journal in one SQLite file."""

import json
import sqlite3
from dataclasses import dataclass

from standins.clock import now
from standins.store import Document, SqliteStore

SCHEMA = """
create table if not exists account (
    id text primary key, name text not null, token text not null unique, currency text not null
);
create table if not exists resource (
    account text not null, kind text not null, id text not null,
    position integer not null, body text not null, primary key (account, kind, id)
);
create table if not exists journal (
    id integer primary key autoincrement, account text not null, time text not null,
    operation text not null, resource text not null,
    before text not null, after text not null, key text
);
create index if not exists journal_by_account on journal (account, id);
create table if not exists operation (
    account text not null, key text not null, fingerprint text not null,
    journal_id integer not null, answer text not null, primary key (account, key)
);
"""
TABLES = ("operation", "journal", "resource", "account")


@dataclass(frozen=True)
class Account:
    """One customer of the platform; every resource and journal row belongs to one."""

    id: str
    name: str
    currency: str


@dataclass(frozen=True)
class Keyed:
    """The first use of an idempotency key: the request's fingerprint and its answer."""

    fingerprint: str
    journal_id: int
    answer: Document


class Store(SqliteStore):
    """Reads and writes of accounts, resources, keys and the journal."""

    schema = SCHEMA
    tables = TABLES

    def clear(self) -> None:
        """Delete everything and restart the journal's numbering."""
        with self.transaction():
            for table in TABLES:
                self._db.execute(f"delete from {table}")
            self._db.execute("delete from sqlite_sequence")

    def add_account(self, account: Account, token: str) -> None:
        """Insert one account with its bearer token."""
        with self.transaction():
            self._db.execute(
                "insert into account values (?, ?, ?, ?)",
                (account.id, account.name, token, account.currency),
            )

    def list_accounts(self) -> list[Account]:
        """Return all accounts, for the human page only."""
        rows = self._rows("select id, name, currency from account order by id")
        return [Account(**dict(row)) for row in rows]

    def get_account_by_token(self, token: str) -> Account | None:
        """Return the account of a bearer token, or None."""
        rows = self._rows("select id, name, currency from account where token = ?", token)
        return Account(**dict(rows[0])) if rows else None

    def list_resources(self, account: str, kind: str) -> list[Document]:
        """Return all resources of a kind in seeded order."""
        rows = self._rows(
            "select body from resource where account = ? and kind = ? order by position",
            account,
            kind,
        )
        return [json.loads(row["body"]) for row in rows]

    def get_resource(self, account: str, kind: str, ident: str) -> Document | None:
        """Return one resource of this account, or None."""
        rows = self._rows(
            "select body from resource where account = ? and kind = ? and id = ?",
            account,
            kind,
            ident,
        )
        return json.loads(rows[0]["body"]) if rows else None

    def save_resource(self, account: str, kind: str, body: Document, position: int = 0) -> None:
        """Insert or replace one resource; its position never changes."""
        with self.transaction():
            self._db.execute(
                "insert into resource values (?, ?, ?, ?, ?)"
                " on conflict (account, kind, id) do update set body = excluded.body",
                (account, kind, body["id"], position, json.dumps(body)),
            )

    def append_journal(self, account: str, entry: Document) -> int:
        """Append one effect and return its number."""
        with self.transaction():
            cursor = self._db.execute(
                "insert into journal (account, time, operation, resource, before, after, key)"
                " values (?, ?, ?, ?, ?, ?, ?)",
                (
                    account,
                    now().isoformat(timespec="milliseconds"),
                    entry["operation"],
                    entry["resource"],
                    json.dumps(entry["before"]),
                    json.dumps(entry["after"]),
                    entry["key"],
                ),
            )
            return cursor.lastrowid or 0

    def list_journal(self, account: str, after: int, limit: int) -> list[Document]:
        """Return effects of an account with a number above `after`, oldest first."""
        rows = self._rows(
            "select * from journal where account = ? and id > ? order by id limit ?",
            account,
            after,
            limit,
        )
        return [_journal_entry(row) for row in rows]

    def list_latest_journal(self, account: str, limit: int) -> list[Document]:
        """Return the newest effects of an account, newest first."""
        rows = self._rows("select * from journal where account = ? order by id desc limit ?", account, limit)
        return [_journal_entry(row) for row in rows]

    def get_keyed(self, account: str, key: str) -> Keyed | None:
        """Return the first use of a key in this account, or None if it took no effect."""
        rows = self._rows(
            "select fingerprint, journal_id, answer from operation where account = ? and key = ?",
            account,
            key,
        )
        if not rows:
            return None
        row = rows[0]
        return Keyed(row["fingerprint"], row["journal_id"], json.loads(row["answer"]))

    def save_keyed(self, account: str, key: str, keyed: Keyed) -> None:
        """Store a key's first answer, in the transaction of its effect."""
        with self.transaction():
            self._db.execute(
                "insert into operation values (?, ?, ?, ?, ?)",
                (account, key, keyed.fingerprint, keyed.journal_id, json.dumps(keyed.answer)),
            )


def _journal_entry(row: sqlite3.Row) -> Document:
    entry = dict(row)
    entry["before"] = json.loads(entry["before"])
    entry["after"] = json.loads(entry["after"])
    return entry

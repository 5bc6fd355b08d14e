"""The mailbox's durable store: accepted mails and posted batches of events."""

import json
import sqlite3

from standins.store import Document, SqliteStore

SCHEMA = """
create table if not exists mail (
    number integer primary key autoincrement, id text not null unique, account text not null,
    recipient text not null, subject text not null, state text not null, created text not null, body text not null
);
create table if not exists batch (
    number integer primary key autoincrement, account text not null, events text not null,
    status integer not null, time text not null
);
create table if not exists written (
    number integer primary key autoincrement, account text not null, sender text not null, subject text not null,
    message text not null, status integer not null, time text not null
);
"""
TABLES = ("mail", "batch", "written")


class Store(SqliteStore):
    """Reads and writes of mails and batches."""

    schema = SCHEMA
    tables = TABLES

    def add_mail(self, mail: Document) -> None:
        """Insert one mail."""
        names = ("id", "account", "recipient", "subject", "state", "created")
        values = [mail[name] for name in names]
        sql = f"insert into mail ({', '.join(names)}, body) values (?, ?, ?, ?, ?, ?, ?)"
        self._change(sql, *values, json.dumps(mail["body"]))

    def set_state(self, mail_id: str, state: str) -> None:
        """Store the last event of a mail."""
        self._change("update mail set state = ? where id = ?", state, mail_id)

    def get_mail(self, mail_id: str) -> Document | None:
        """Return one mail, or None."""
        rows = self._rows("select * from mail where id = ?", mail_id)
        return _mail(rows[0]) if rows else None

    def list_mails(self, limit: int = 200) -> list[Document]:
        """Return the newest mails, newest first."""
        return [_mail(row) for row in self._rows("select * from mail order by number desc limit ?", limit)]

    def add_batch(self, account: str, events: list[Document], status: int, time: str) -> None:
        """Store a batch posted to the product and the status of its answer (0: none)."""
        sql = "insert into batch (account, events, status, time) values (?, ?, ?, ?)"
        self._change(sql, account, json.dumps(events), status, time)

    def list_batches(self, limit: int = 100) -> list[Document]:
        """Return the newest batches, newest first."""
        rows = self._rows("select * from batch order by number desc limit ?", limit)
        return [{**dict(row), "events": json.loads(row["events"])} for row in rows]

    def add_written(self, account: str, mail: Document, status: int, time: str) -> None:
        """Store an email that somebody wrote to the product, and the status of its answer (0: none)."""
        sql = "insert into written (account, sender, subject, message, status, time) values (?, ?, ?, ?, ?, ?)"
        self._change(sql, account, mail["sender"], mail["subject"], mail["message"], status, time)

    def list_written(self, limit: int = 30) -> list[Document]:
        """Return the newest emails to the product, newest first."""
        return [dict(row) for row in self._rows("select * from written order by number desc limit ?", limit)]


def _mail(row: sqlite3.Row) -> Document:
    mail = dict(row)
    return {**mail, "body": json.loads(mail["body"])}

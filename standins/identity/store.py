"""The stand-in's store: companies with their keys, people and groups, sessions, and the journal of calls."""

import json
import time
import uuid
from typing import Any

from standins.clock import now
from standins.consent import GRANTS, ConsentStore
from standins.store import Document

KEPT = 500
TEXT = 4000
SCHEMA = """
create table if not exists company (
    slug text primary key, redirect text not null, logout text not null, scim text not null, token text not null,
    dialect text not null, problem text not null default ''
);
create table if not exists signing (
    number integer primary key autoincrement, company text not null, kid text not null, pem text not null
);
create table if not exists person (
    id text primary key, company text not null, user_name text not null, first_name text not null,
    last_name text not null, email text not null, active integer not null default 1, scim_id text not null default '',
    pushed text not null default '', revision integer not null default 1, sent integer not null default 0,
    problem text not null default ''
);
create table if not exists circle (
    id text primary key, company text not null, name text not null, scim_id text not null default '',
    pushed text not null default '', revision integer not null default 1, sent integer not null default 0,
    problem text not null default ''
);
create table if not exists inside (circle text not null, person text not null, primary key (circle, person));
create table if not exists session (
    sid text primary key, company text not null, person text not null, cookie text not null, since real not null,
    amr text not null, ended integer not null default 0
);
create table if not exists asked (
    code text primary key, company text not null, sid text not null, nonce text not null
);
create table if not exists journal (
    id integer primary key autoincrement, company text not null, time text not null, kind text not null,
    request text not null, body text not null, status integer not null, answer text not null
);
"""


class Store(ConsentStore):
    """Reads and writes; what has to be pushed is a row whose `revision` is later than what was `sent`."""

    schema = GRANTS + SCHEMA
    tables = (*ConsentStore.tables, "journal", "asked", "session", "inside", "circle", "person", "signing", "company")

    def add_company(self, slug: str, redirect: str, logout: str, scim: str) -> None:
        """Keep a company; nothing is connected yet."""
        sql = "insert into company (slug, redirect, logout, scim, token, dialect) values (?, ?, ?, ?, '', 'okta')"
        self._change(sql, slug, redirect, logout, scim)

    def company(self, slug: str) -> Document | None:
        """Return a company's row, with its token."""
        rows = self._rows("select * from company where slug = ?", slug)
        return dict(rows[0]) if rows else None

    def set_company(self, slug: str, **values: str) -> None:
        """Change columns of a company."""
        for name, value in values.items():
            self._change(f"update company set {name} = ? where slug = ?", value, slug)

    def add_key(self, company: str, kid: str, pem: str) -> None:
        """Keep a key, with which everything is signed from now on."""
        self._change("insert into signing (company, kid, pem) values (?, ?, ?)", company, kid, pem)

    def keys(self, company: str, limit: int) -> list[tuple[str, str]]:
        """Return the newest keys, newest first: id and PEM."""
        rows = self._rows("select * from signing where company = ? order by number desc limit ?", company, limit)
        return [(row["kid"], row["pem"]) for row in rows]

    def people(self, company: str) -> list[Document]:
        """Return the people of a company with the names of their groups, as they were added."""
        inside: dict[str, list[str]] = {}
        rows = self._rows("select i.person, c.name from inside i join circle c on c.id = i.circle order by c.rowid")
        for row in rows:
            inside.setdefault(row["person"], []).append(row["name"])
        people = self._rows("select * from person where company = ? order by rowid", company)
        return [{**dict(row), "active": bool(row["active"]), "groups": inside.get(row["id"], [])} for row in people]

    def person(self, company: str, ident: str) -> Document | None:
        """Return one person of a company."""
        return next((one for one in self.people(company) if one["id"] == ident), None)

    def save_person(self, company: str, ident: str, values: Document, groups: list[str] | None = None) -> str:
        """Add a person, or change one, and return their id. Groups are named; new ones are added."""
        with self.transaction():
            if not ident or self.person(company, ident) is None:
                ident = ident or str(uuid.uuid4())
                names = ("user_name", "first_name", "last_name", "email")
                sql = f"insert into person (id, company, {', '.join(names)}) values (?, ?, ?, ?, ?, ?)"
                self._change(sql, ident, company, *(values.get(name, "") for name in names))
            else:
                for name, value in values.items():
                    self._change(f"update person set {name} = ? where id = ?", value, ident)
                self.touch("person", ident)
            if groups is not None:
                self._place(company, ident, groups)
        return ident

    def _place(self, company: str, person: str, groups: list[str]) -> None:
        rows = self._rows("select * from circle where company = ?", company)
        there = {row["name"]: row["id"] for row in rows}
        wanted = {there.get(name) or self.save_group(company, "", name) for name in groups}
        current = {row["circle"] for row in self._rows("select circle from inside where person = ?", person)}
        for circle in current - wanted:
            self._change("delete from inside where circle = ? and person = ?", circle, person)
        for circle in sorted(wanted - current):
            self._change("insert into inside values (?, ?)", circle, person)
        for circle in current ^ wanted:
            self.touch("circle", circle)

    def groups(self, company: str) -> list[Document]:
        """Return the groups of a company."""
        return [dict(row) for row in self._rows("select * from circle where company = ? order by rowid", company)]

    def save_group(self, company: str, ident: str, name: str) -> str:
        """Add a group, or give one another name; returns its id."""
        if ident:
            self._change("update circle set name = ? where id = ? and company = ?", name, ident, company)
            self.touch("circle", ident)
            return ident
        ident = str(uuid.uuid4())
        self._change("insert into circle (id, company, name) values (?, ?, ?)", ident, company, name)
        return ident

    def pushed_members(self, group: str) -> list[str]:
        """Return the ids at the product of a group's people, as far as they were pushed."""
        sql = "select p.scim_id from inside i join person p on p.id = i.person where i.circle = ? and p.scim_id != ''"
        return sorted(row["scim_id"] for row in self._rows(sql, group))

    def touch(self, table: str, ident: str) -> None:
        """Let a person or group be pushed."""
        self._change(f"update {table} set revision = revision + 1 where id = ?", ident)

    def touch_all(self, company: str) -> None:
        """Let everything be pushed as if nothing were known of what was pushed before."""
        for table in ("person", "circle"):
            self._change(f"update {table} set revision = revision + 1, pushed = '' where company = ?", company)

    def forget_pushed(self, company: str) -> None:
        """Forget the ids of people and groups at the product, which is another one."""
        for table in ("person", "circle"):
            self._change(f"update {table} set scim_id = '', pushed = '' where company = ?", company)

    def due(self, table: str, company: str) -> list[Document]:
        """Return the people or groups that have to be pushed, in the order in which they were added."""
        sql = f"select * from {table} where company = ? and revision > sent order by rowid"
        return [dict(row) for row in self._rows(sql, company)]

    def note_pushed(self, table: str, row: Document, scim_id: str, pushed: Document | None, problem: str = "") -> None:
        """Keep what was pushed of a row as it was read, and under which id. What changed meanwhile is still due."""
        with self.transaction():
            sql = f"update {table} set scim_id = ?, pushed = ?, sent = ?, problem = ? where id = ?"
            kept = json.dumps(pushed) if pushed else ""
            self._change(sql, scim_id, kept, row["revision"], problem, row["id"])
            if table == "person" and scim_id != row["scim_id"]:
                for one in self._rows("select circle from inside where person = ?", row["id"]):
                    self.touch("circle", one["circle"])

    def add_session(self, sid: str, company: str, person: str, cookie: str, amr: str) -> None:
        """Keep that a person signed in in a browser; asked again, the session goes on with the time of now."""
        moment = time.time()
        self._change(
            "insert or ignore into session values (?, ?, ?, ?, ?, ?, 0)", sid, company, person, cookie, moment, amr
        )
        self._change("update session set since = ?, amr = ? where sid = ?", moment, amr, sid)

    def session_of(self, company: str, cookie: str) -> Document | None:
        """Return the session of a browser."""
        sql = "select * from session where company = ? and cookie = ? and ended = 0 order by since desc"
        rows = self._rows(sql, company, cookie)
        return dict(rows[0]) if rows and cookie else None

    def session(self, sid: str) -> Document | None:
        """Return a session by its id."""
        rows = self._rows("select * from session where sid = ?", sid)
        return dict(rows[0]) if rows else None

    def end_sessions(self, company: str, person: str, sid: str = "") -> int:
        """End the sessions of a person, or one of them; returns how many had begun since they were ended last."""
        rows = self._rows(
            "select sid from session where company = ? and person = ? and (sid = ? or ? = '') and ended = 0",
            company, person, sid, sid,
        )  # fmt: skip
        for row in rows:
            self._change("update session set ended = 1 where sid = ?", row["sid"])
        return len(rows)

    def add_asked(self, code: str, company: str, sid: str, nonce: str) -> None:
        """Keep what a code stands for, besides its consent."""
        self._change("insert into asked values (?, ?, ?, ?)", code, company, sid, nonce)

    def asked(self, code: str) -> Document | None:
        """Return what a code stands for."""
        rows = self._rows("select * from asked where code = ?", code)
        return dict(rows[0]) if rows else None

    def note(self, company: str, kind: str, request: str, status: int, body: Any = "", answer: str = "") -> None:
        """Append a call and its answer to the journal (status 0: no answer), which keeps the newest ones."""
        text = body if isinstance(body, str) else json.dumps(body)
        given = (company, now().isoformat(), kind, request, text[:TEXT], status, answer[:TEXT])
        sql = "insert into journal (company, time, kind, request, body, status, answer) values (?, ?, ?, ?, ?, ?, ?)"
        self._change(sql, *given)
        self._change("delete from journal where id <= (select max(id) from journal) - ?", KEPT)

    def journal(self, company: str, after: int = 0, limit: int = KEPT) -> list[Document]:
        """Return calls with a higher number, newest first."""
        sql = "select * from journal where company = ? and id > ? order by id desc limit ?"
        return [dict(row) for row in self._rows(sql, company, after, limit)]

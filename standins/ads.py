"""What the stand-ins of advertising platforms share beside their APIs.

Their store, the journal of effects, and control requests: changes by other people, misbehaviour, consents taken back.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from standins.clock import now
from standins.consent import GRANTS, ConsentStore, parse_pairs
from standins.errors import invalid, not_found, refuse_unknown
from standins.store import Document

PAGE = Path(__file__).with_suffix(".html")
CONTROL = "/__ads/"
MAX_EFFECTS = 1000
MOST_SHOWN = 10_000
SCHEMA = """
create table if not exists ad_account (
    id text primary key, owner text not null, position integer not null, body text not null
);
create table if not exists ad_object (
    id text primary key, account text not null, kind text not null, position integer not null, body text not null
);
create table if not exists effect (
    id integer primary key autoincrement, account text not null, object text not null, kind text not null,
    field text not null, old text not null, new text not null, who text not null, via text not null, time text not null
);
create index if not exists effect_by_object on effect (object, id);
"""
COLUMNS = ("account", "object", "kind", "field", "old", "new", "who", "via", "time")


@dataclass
class AdsBehaviour:
    """What is odd about the platform, beside the failure script."""

    log_delay: float = 0.0
    """Seconds until the vendor's change log shows an effect."""
    hours_later: float = 0.0
    """How far its clock is ahead."""
    page_size: int = 0
    """At most so many rows a page; 0 is as the vendor has it."""


class AdsStore(ConsentStore):
    """Accounts, what is in them, and every effect."""

    schema: ClassVar[str] = GRANTS + SCHEMA
    tables: ClassVar[tuple[str, ...]] = (*ConsentStore.tables, "effect", "ad_object", "ad_account")

    def is_empty(self) -> bool:
        """Tell whether nothing was seeded yet."""
        return not self._rows("select 1 from ad_account limit 1")

    def add_account(self, body: Document, owners: tuple[str, ...], position: int) -> None:
        """Insert an account; `owners` are the people who may use it."""
        self._change(
            "insert into ad_account values (?, ?, ?, ?)", body["id"], " ".join(owners), position, json.dumps(body)
        )

    def accounts(self, owner: str = "") -> list[Document]:
        """Return all accounts, or those that a person may use."""
        rows = self._rows("select * from ad_account order by position")
        return [json.loads(row["body"]) for row in rows if not owner or owner in row["owner"].split()]

    def get_account(self, ident: str) -> Document | None:
        """Return an account, or None."""
        rows = self._rows("select body from ad_account where id = ?", ident)
        return json.loads(rows[0]["body"]) if rows else None

    def add(self, account: str, kind: str, body: Document, position: int) -> None:
        """Insert what belongs to an account."""
        self._change(
            "insert into ad_object values (?, ?, ?, ?, ?)", body["id"], account, kind, position, json.dumps(body)
        )

    def save(self, body: Document) -> None:
        """Store what has changed of an object."""
        self._change("update ad_object set body = ? where id = ?", json.dumps(body), body["id"])

    def get(self, ident: str) -> Document | None:
        """Return an object, or None."""
        rows = self._rows("select body from ad_object where id = ?", ident)
        return json.loads(rows[0]["body"]) if rows else None

    def objects(self, account: str, kind: str) -> list[Document]:
        """Return the objects of a kind in their order."""
        sql = "select body from ad_object where account = ? and kind = ? order by position"
        return [json.loads(row["body"]) for row in self._rows(sql, account, kind)]

    def note(self, effect: Document) -> None:
        """Append an effect."""
        marks = ", ".join("?" * len(COLUMNS))
        self._change(f"insert into effect ({', '.join(COLUMNS)}) values ({marks})", *(effect[name] for name in COLUMNS))

    def effects(self, account: str = "", after: int = 0) -> list[Document]:
        """Return the effects with a higher number, oldest first."""
        sql = "select * from effect where id > ? and (account = ? or ? = '') order by id limit ?"
        return [dict(row) for row in self._rows(sql, after, account, account, MAX_EFFECTS)]

    def latest_effects(self, account: str, limit: int) -> list[Document]:
        """Return the newest effects of an account, newest first."""
        rows = self._rows("select * from effect where account = ? order by id desc limit ?", account, limit)
        return [dict(row) for row in rows]

    def effects_since(self, ident: str, moment: datetime) -> list[Document]:
        """Return the effects on an object since a moment, oldest first."""
        sql = "select * from effect where object = ? and time > ? order by id"
        return [dict(row) for row in self._rows(sql, ident, moment.isoformat())]


@dataclass(frozen=True)
class Who:
    """The person behind a change, and what it came through: the API or the platform's own pages."""

    name: str
    via: str = "api"


class AdsDesk:
    """The accounts of a platform; a vendor says how a change is checked and what its page shows."""

    oddities: ClassVar[type[AdsBehaviour]] = AdsBehaviour
    somebody: ClassVar[str] = "Mia Chen"
    """Who changes values on the platform unless a test says who."""
    behaviour: Any

    def __init__(self, store: AdsStore, seed: Callable[[AdsStore], None]) -> None:
        self.store = store
        self.behaviour = self.oddities()
        self._seed = seed
        if store.is_empty():
            seed(store)

    def now(self) -> datetime:
        """Return the platform's time."""
        return now() + timedelta(hours=self.behaviour.hours_later)

    def reset(self) -> None:
        """Go back to the seed, without consents or effects."""
        self.behaviour = self.oddities()
        with self.store.transaction():
            self.store.clear()
            self._seed(self.store)

    def put(self, found: Document, field: str, new: Any, who: Who) -> None:
        """Set a field; the effect is noted even if the value was the same, so that tests count them."""
        effect = {"account": found["account"], "object": found["id"], "kind": found["kind"], "field": field}
        effect |= {"old": str(found.get(field) or ""), "new": str(new), "who": who.name, "via": who.via}
        found[field] = new
        found["updated"] = self.now().isoformat()
        self.store.save(found)
        self.store.note(effect | {"time": self.now().isoformat()})

    def shown_effects(self, account: str) -> list[Document]:
        """Return what the vendor's change log shows by now, newest first: changes of a value."""
        until = (self.now() - timedelta(seconds=self.behaviour.log_delay)).isoformat()
        rows = self.store.latest_effects(account, MOST_SHOWN)
        return [row for row in rows if row["old"] != row["new"] and row["time"] <= until]

    def change(self, wanted: Document) -> Document:
        """Change a value as somebody else: `{id, field, value, by}`, in the vendor's units."""
        if set(wanted) - {"id", "field", "value", "by"}:
            raise invalid(change="An object with id, field, value and by.")
        with self.store.transaction():
            found = self.store.get(str(wanted.get("id")))
            if found is None:
                raise not_found()
            field, value = str(wanted.get("field")), wanted.get("value")
            if field not in self.changeable(found):
                raise invalid(field=f"One of {', '.join(self.changeable(found))}.")
            if isinstance(found.get(field), int):
                if not str(value).isdigit():
                    raise invalid(value="A whole number in the vendor's unit.")
                value = int(str(value))
            self.put(found, field, value, Who(str(wanted.get("by") or self.somebody), "platform"))
        return found

    def changeable(self, found: Document) -> tuple[str, ...]:
        """Return the fields of an object that people change on the platform."""
        raise NotImplementedError

    def view(self) -> Document:
        """Return what the page shows."""
        raise NotImplementedError

    def control(self, command: str, path: str, query: str, body: Document) -> tuple[int, Document]:
        """Answer a control request of the page or of a test."""
        match command, path.removeprefix(CONTROL):
            case "GET", "view":
                return 200, self.view()
            case "GET", "journal":
                wanted = parse_pairs(query)
                return 200, {"items": self.store.effects(wanted.get("account", ""), int(wanted.get("after", 0)))}
            case "POST", "change":
                return 200, self.change(body)
            case "POST", "behave":
                refuse_unknown(body, self.oddities)
                self.behaviour = self.oddities(**body)
                return 200, asdict(self.behaviour)
            case "POST", "withdraw":
                self.store.withdraw(str(body.get("person")), tuple(body.get("scopes") or ()))
                return 200, {}
            case "POST", "expire":
                self.store.expire(str(body.get("person")), str(body.get("kind") or ""))
                return 200, {}
        raise not_found()

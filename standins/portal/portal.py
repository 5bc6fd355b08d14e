"""What a company's server does: sign customers' tokens, post their messages, verify and keep answers."""

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from standins.clock import now
from standins.errors import ApiError, invalid
from standins.portal.seed import Company
from standins.store import Document, SqliteStore

TOLERANCE = 300
TOKEN_LIFE = 1800
SCHEMA = """
create table if not exists line (
    number integer primary key autoincrement, id text not null unique, company text not null, customer text not null,
    sender text not null, body text not null, status integer not null, time text not null
);
create table if not exists event (
    number integer primary key autoincrement, id text not null unique, company text not null, type text not null,
    data text not null, time text not null
);
create table if not exists refused (
    number integer primary key autoincrement, company text not null, time text not null
);
"""


class Store(SqliteStore):
    """What customers wrote and what came back."""

    schema = SCHEMA
    tables = ("line", "event", "refused")

    def add(self, line: Document) -> None:
        """Keep a line; one with a known id is the same."""
        names = ("id", "company", "customer", "sender", "body", "status", "time")
        sql = f"insert or ignore into line ({', '.join(names)}) values (?, ?, ?, ?, ?, ?, ?)"
        self._change(sql, *(line[name] for name in names))

    def lines(self, company: str, limit: int = 200) -> list[Document]:
        """Return the newest lines of a company, oldest first."""
        rows = self._rows("select * from line where company = ? order by number desc limit ?", company, limit)
        return [dict(row) for row in reversed(rows)]

    def note(self, event: Document) -> None:
        """Keep an event; one with a known id is the same."""
        names = ("id", "company", "type", "data", "time")
        sql = f"insert or ignore into event ({', '.join(names)}) values (?, ?, ?, ?, ?)"
        self._change(sql, *(event[name] for name in names))

    def events(self, company: str, limit: int = 50) -> list[Document]:
        """Return the newest events of a company, newest first."""
        rows = self._rows("select * from event where company = ? order by number desc limit ?", company, limit)
        return [dict(row) for row in rows]

    def refuse(self, company: str) -> None:
        """Count a webhook that was not verified."""
        self._change("insert into refused (company, time) values (?, ?)", company, now().isoformat())

    def refused(self, company: str) -> int:
        """Return how many webhooks were not verified."""
        return int(self._rows("select count(*) as n from refused where company = ?", company)[0]["n"])


class Portal:
    """The companies' server; `door` is where the product listens, if that differs from its public address."""

    def __init__(self, store: Store, companies: Sequence[Company], *, public: str, door: str) -> None:
        self._store = store
        self._companies = {company.slug: company for company in companies}
        self._public, self._door = public.rstrip("/"), (door or public).rstrip("/")

    def view(self) -> Document:
        """Return what the page shows."""
        return {
            "companies": [
                {
                    "slug": one.slug,
                    "name": one.name,
                    "customers": one.customers,
                    "lines": self._store.lines(one.slug),
                    "events": self._store.events(one.slug),
                    "refused": self._store.refused(one.slug),
                }
                for one in self._companies.values()
            ]
        }

    def reset(self) -> None:
        """Forget everything."""
        self._store.clear()

    def write(self, body: Document) -> Document:
        """Post a customer's message to the product, with a token for that customer."""
        company = self._companies.get(str(body.get("company")))
        customer, text = str(body.get("customer", "")), str(body.get("text", ""))
        if company is None or customer not in company.customers:
            raise invalid(customer="Unknown.")
        message = {
            "id": str(body.get("id") or secrets.token_hex(8)),
            "customer_id": customer,
            "name": company.customers[customer],
            "text": text,
        }
        status, answer = self._post(company, message, token_of(company, customer))
        line = {"id": f"in:{customer}:{message['id']}", "company": company.slug, "customer": customer}
        self._store.add({**line, "sender": "customer", "body": text, "status": status, "time": now().isoformat()})
        return {"status": status, "answer": answer}

    def _post(self, company: Company, message: Document, token: str) -> tuple[int, Document]:
        where = urlsplit(self._door)
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {token}",
            "Host": urlsplit(self._public).netloc,
        }
        link = kind(where.hostname or "", where.port, timeout=15)
        try:
            link.request("POST", company.path, json.dumps(message), headers)
            answer = link.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        except (OSError, ValueError):
            return 0, {}
        finally:
            link.close()

    def receive(self, slug: str, headers: Mapping[str, str], raw: bytes) -> None:
        """Keep an answer; raises 404 for no portal of ours, 401 for a wrong signature."""
        event = self._verified(slug, headers, raw, events=False)
        told = event["data"]
        line = {"id": f"out:{headers['webhook-id']}", "company": slug, "customer": told.get("customer_id", "")}
        sender = told.get("sender", event["type"])
        self._store.add({**line, "sender": sender, "body": told["text"], "status": 0, "time": now().isoformat()})

    def hear(self, slug: str, headers: Mapping[str, str], raw: bytes) -> None:
        """Keep an event; raises 404 for no portal of ours, 401 for a wrong signature."""
        event = self._verified(slug, headers, raw, events=True)
        kept = {"id": headers["webhook-id"], "company": slug, "type": event["type"], "time": event["timestamp"]}
        self._store.note({**kept, "data": json.dumps(event["data"])})

    def _verified(self, slug: str, headers: Mapping[str, str], raw: bytes, *, events: bool) -> Document:
        company = self._companies.get(slug)
        if company is None:
            raise ApiError(404, "not_found", "There is no such portal.")
        secret = company.events_secret if events else company.signing_secret
        if not is_signed(secret, headers, raw):
            self._store.refuse(slug)
            raise ApiError(401, "bad_signature", "The signature is wrong or too old.")
        found: Document = json.loads(raw)
        return found


def token_of(company: Company, customer: str) -> str:
    """Return a token of one customer, for half an hour."""
    made = int(time.time())
    claims = {"sub": customer, "aud": company.path.split("/")[3], "iat": made, "exp": made + TOKEN_LIFE}
    parts = [_b64(json.dumps(one).encode()) for one in ({"alg": "HS256", "typ": "JWT"}, claims)]
    mac = hmac.new(company.token_secret.encode(), ".".join(parts).encode(), hashlib.sha256).digest()
    return ".".join([*parts, _b64(mac)])


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def is_signed(secret: str, headers: Mapping[str, str], raw: bytes) -> bool:
    """Verify a webhook as the how-to shows it."""
    key, sent = headers.get("webhook-id") or "", headers.get("webhook-timestamp") or ""
    if not sent.isdigit() or abs(time.time() - int(sent)) > TOLERANCE:
        return False
    signed = f"{key}.{sent}.".encode() + raw
    mac = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    wanted = "v1," + base64.b64encode(mac).decode()
    return any(hmac.compare_digest(wanted, one) for one in (headers.get("webhook-signature") or "").split())

"""Thousands of mixed events over all doors while workers are killed: each counts once and is answered once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from standins.mailbox import seed as mailbox
from standins.meta import seed as meta
from standins.phone import seed as phone
from standins.phone.signature import signature
from standins.portal import seed as portal
from tests.e2e.installation import Installation, _environment, _walker, running

pytestmark = pytest.mark.long
EVENTS: Final = int(os.environ.get("WALKER_SOAK_EVENTS", "4000"))
REPEATS: Final = 0.05
# Seconds that the oldest delivery or answer may wait: the events come as fast as the machine takes them.
BEHIND: Final = 5.0
PATIENCE: Final = 60.0
# Seconds after which an event is repeated no more: SendGrid's signature is refused when it is some minutes old.
REPEATED: Final = 120.0
# Seconds between two deaths of the workers: the launcher gives up on those that keep dying within 30.
KILLS: Final = (25, 60)
WAITING: Final = ("walker_inbound_oldest_seconds", "walker_outbox_oldest_seconds", "walker_runs_oldest_seconds")
SLUG: Final = "acme"
FACTS: Final = "from tests.e2e.soak_facts import tell; tell()"
Headers = dict[str, str]


@dataclass(frozen=True)
class Call:
    """One post of a provider."""

    path: str
    body: bytes = field(repr=False)
    headers: Headers = field(repr=False)
    # The sandbox that writes the same first: it only takes answers to those who wrote there.
    sandbox: str = ""
    note: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass
class Drive:
    """Makes the providers' posts and keeps what has to come of them."""

    base: str
    secrets: dict[str, str]
    said: Counter[str] = field(default_factory=Counter)
    bursts: list[tuple[str, ...]] = field(default_factory=list)
    number: int = 0

    def next_number(self) -> int:
        self.number += 1
        return self.number

    def words(self, count: int) -> tuple[str, ...]:
        """Return the messages of one burst, each of its own."""
        found = tuple(f"Hello, this is soak {self.next_number()}" for _ in range(count))
        self.bursts.append(found)
        self.said.update(found)
        return found

    def by_twilio(self, form: dict[str, str], path: str = "/channels/whatsapp/webhook/") -> Call:
        token = phone.auth_token(SLUG, self.secrets["phone"])
        headers = {"X-Twilio-Signature": signature(token, self.base + path, form)}
        return Call(path, urlencode(form).encode(), {**headers, "Content-Type": "application/x-www-form-urlencoded"})

    def twilio_burst(self) -> list[Call]:
        """Let somebody write three messages on WhatsApp at Twilio."""
        sender = f"+34611{self.next_number():06d}"
        ours = phone.CAST[SLUG][1]
        usual = {"AccountSid": phone.account_sid(SLUG), "From": f"whatsapp:{sender}", "To": ours, "NumMedia": "0"}
        calls = []
        for text in self.words(3):
            sid = f"SM{self.next_number():032x}"
            call = self.by_twilio({**usual, "Body": text, "MessageSid": sid, "ProfileName": "Ana"})
            note = {"account": usual["AccountSid"], "from": usual["From"], "body": text, "sid": sid}
            calls.append(call if calls else replace(call, sandbox="phone", note=note))
        return calls

    def twilio_report(self) -> list[Call]:
        """Report about a message that isn't ours."""
        number = self.next_number()
        path = f"/channels/whatsapp/status/00000000-0000-7000-8000-{number:012d}/"
        word = random.choice(["sent", "delivered", "read", "failed"])
        form = {"AccountSid": phone.account_sid(SLUG), "MessageSid": f"SM{number:032x}", "MessageStatus": word}
        return [self.by_twilio({**form, "From": phone.CAST[SLUG][1], "To": "whatsapp:+34611000000"}, path)]

    def by_meta(self, **value: Any) -> Call:
        metadata = {"phone_number_id": meta.phone_number_id(SLUG)}
        change = {"field": "messages", "value": {"metadata": metadata, **value}}
        body = json.dumps({"entry": [{"id": "1", "changes": [change]}]}).encode()
        given = hmac.new(meta.app_secret(SLUG, self.secrets["meta"]).encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={given}"}
        return Call(f"/channels/whatsapp-cloud/{meta.door_key(SLUG)}/webhook/", body, headers)

    def meta_burst(self) -> list[Call]:
        """Let somebody write three messages on WhatsApp at Meta, in one post."""
        sender, stamp = f"34622{self.next_number():06d}", str(int(time.time()))
        rows = [
            {"from": sender, "id": f"wamid.{self.next_number()}", "timestamp": stamp, "type": "text"}
            | {"text": {"body": text}}
            for text in self.words(3)
        ]
        call = self.by_meta(messages=rows, contacts=[{"wa_id": sender, "profile": {"name": "Bo"}}])
        first = {"from": f"+{sender}", "id": str(rows[0]["id"]), "body": self.bursts[-1][0]}
        return [replace(call, sandbox="meta", note={"account": meta.phone_number_id(SLUG), **first})]

    def meta_reports(self) -> list[Call]:
        """Report three times about a message that isn't ours, in one post."""
        number, stamp = self.next_number(), str(int(time.time()))
        rows = [
            {"id": f"wamid.none{number}", "status": word, "timestamp": stamp, "recipient_id": "34622000000"}
            for word in ("read", "sent", "delivered")
        ]
        return [self.by_meta(statuses=rows)]

    def app_burst(self) -> list[Call]:
        """Let a customer write two messages in the company's own app."""
        customer, key = f"soak-{self.next_number()}", portal.app_key(SLUG)
        claims = {"sub": customer, "aud": key, "iat": int(time.time()), "exp": int(time.time()) + 3000}
        token = jwt.encode(claims, portal.token_secret(SLUG, self.secrets["portal"]), algorithm="HS256")
        return [
            Call(
                f"/channels/app/{key}/messages/",
                json.dumps({"id": f"m-{self.next_number()}", "text": text}).encode(),
                {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            )
            for text in self.words(2)
        ]

    def mail(self) -> list[Call]:
        """Let somebody write an email."""
        number, (text,) = self.next_number(), self.words(1)
        raw = f"From: ana{number}@soak.example\r\nTo: desk@acme.example\r\nMessage-ID: <{number}@soak.example>\r\n"
        part = 'Content-Disposition: form-data; name="email"\r\n\r\n'
        body = f"--xYzZY\r\n{part}{raw}\r\n{text}\r\n--xYzZY--\r\n".encode()
        token = mailbox.inbound_token(SLUG, self.secrets["mailbox"])
        path = f"/channels/email/{mailbox.door_key(SLUG)}.{token}/inbound/"
        return [Call(path, body, {"Content-Type": "multipart/form-data; boundary=xYzZY"})]

    def mail_events(self) -> list[Call]:
        """Report about five mails that aren't ours."""
        number, stamp = self.next_number(), str(int(time.time()))
        rows = [
            {"event": word, "sg_event_id": f"{number}-{word}", "sg_message_id": f"none-{number}.x", "timestamp": 1}
            for word in ("processed", "delivered", "open", "click", "bounce")
        ]
        body = json.dumps(rows).encode()
        key = mailbox.signing_key(SLUG, self.secrets["mailbox"])
        given = base64.b64encode(key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
        names = ("X-Twilio-Email-Event-Webhook-Timestamp", "X-Twilio-Email-Event-Webhook-Signature")
        return [
            Call(
                f"/channels/email/{mailbox.door_key(SLUG)}/events/", body, dict(zip(names, (stamp, given), strict=True))
            )
        ]


# Events of a call, and how often it is drawn.
KINDS: Final[list[tuple[Callable[[Drive], list[Call]], int, int]]] = [
    (Drive.twilio_burst, 3, 5),
    (Drive.meta_burst, 3, 5),
    (Drive.app_burst, 2, 3),
    (Drive.mail, 1, 3),
    (Drive.twilio_report, 1, 14),
    (Drive.meta_reports, 3, 14),
    (Drive.mail_events, 5, 4),
]


def deliver(client: httpx2.Client, call: Call, sandboxes: dict[str, str]) -> None:
    """Post as providers do: again until it is taken."""
    if call.sandbox:
        client.post(f"{sandboxes[call.sandbox]}__write", json=call.note).raise_for_status()
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if client.post(call.path, content=call.body, headers=call.headers).status_code in (200, 202):
                return
        except httpx2.TransportError:
            pass
        assert time.monotonic() < deadline, call.path
        time.sleep(0.5)


class Killer(threading.Thread):
    """Kills the workers with all their children, at random."""

    def __init__(self, installation: Installation) -> None:
        super().__init__(daemon=True)
        self.installation, self.kills, self.over = installation, 0, threading.Event()
        self.base = installation.demo["urls"]["console"].removesuffix("/admin/")

    def run(self) -> None:
        """Kill until told to stop, each time once the next workers have caught up."""
        while not self.over.wait(random.uniform(*KILLS)):
            with httpx2.Client(base_url=self.base, trust_env=False, timeout=30) as client:
                if waiting(client) > 4 * BEHIND:
                    continue
            noted = json.loads((self.installation.folder / "children.json").read_text())
            workers = [pid for name, (pid, _) in noted.items() if name.startswith("worker")]
            for worker in workers:
                children = Path(f"/proc/{worker}/task/{worker}/children")
                for pid in [worker, *(map(int, children.read_text().split()) if children.exists() else ())]:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        continue
            self.kills += 1


def facts_of(installation: Installation) -> dict[str, Any]:
    """Return what the installation has stored."""
    command = _walker("manage", "--data", str(installation.folder), "shell", "-v", "0", "-c", FACTS)
    done = subprocess.run(command, check=True, capture_output=True, env=_environment(), timeout=300)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def waiting(client: httpx2.Client) -> float:
    """Return how many seconds the oldest delivery, announcement or answer waits, as the metrics say.

    A busy database may leave them out for once: nobody knows then, and the posts wait too.
    """
    answer = client.get("/metrics")
    answer.raise_for_status()
    rows = answer.text.splitlines()
    return max((float(row.split()[-1]) for row in rows if row.startswith(WAITING)), default=math.inf)


def drive(installation: Installation, events: int) -> None:
    """Post the events, kill workers meanwhile, and compare what came of it."""
    secrets = json.loads((installation.folder / "secrets.json").read_text())
    urls = installation.demo["urls"]
    base = urls["console"].removesuffix("/admin/")
    made, posted, repeats, earlier = Drive(base, secrets), 0, 0, list[tuple[float, Call]]()
    weights = [weight for _, _, weight in KINDS]
    killer, began = Killer(installation), time.monotonic()
    killer.start()
    with httpx2.Client(base_url=base, trust_env=False, timeout=30) as client:
        while posted < events:
            make, count, _ = random.choices(KINDS, weights)[0]
            calls = make(made)
            for call in calls:
                deliver(client, call, urls)
            posted += count
            moment = time.monotonic()
            earlier = [one for one in earlier if one[0] > moment - REPEATED] + [(moment, call) for call in calls]
            if random.random() < REPEATS:
                deliver(client, replace(random.choice(earlier)[1], sandbox=""), urls)
                posted, repeats = posted + 1, repeats + 1
            while posted % 20 < count and waiting(client) > BEHIND:
                time.sleep(1)
        killer.over.set()
        killer.join()
        took, ended = time.monotonic() - began, time.monotonic()
        while waiting(client) and time.monotonic() < ended + PATIENCE:
            time.sleep(1)
        while True:
            emptied = time.monotonic() - ended
            found = facts_of(installation)
            if emptied >= PATIENCE or not (found["left"] or found["unanswered"]):
                break
            time.sleep(min(3, max(ended + PATIENCE - time.monotonic(), 0)))
    print(  # noqa: T201  (the figures of the evidence)
        f"{posted} events, {repeats} repeats, {killer.kills} kills, {took:.0f} s, emptied within {emptied:.0f} s, "
        f"{len(made.bursts)} bursts, answered {found['answers']}, {found['late']} messages taken late"
    )
    assert killer.kills or took < KILLS[1], "nobody killed a worker"
    assert found["left"] == []
    assert Counter(found["texts"]) == made.said
    assert found["unanswered"] == []
    # One answer a burst, or two if more of it arrived once the first was begun.
    assert found["doubled"] == []
    assert sum(found["answers"].values()) == len(made.bursts)


def test_mixed_events_while_workers_die_count_once_and_are_answered_once(tmp_path: Path) -> None:
    with running(tmp_path / "data") as installation:
        drive(installation, EVENTS)

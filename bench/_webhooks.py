"""Signed webhooks as bytes, sent over plain sockets: a client that costs little beside what it measures."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from bench._environment import quantile
from standins.meta.webhooks import sign as post_signature
from standins.phone.signature import signature
from standins.slack.webhooks import signature as press_signature


@dataclass(frozen=True)
class Sender:
    """Who signs, and for which number."""

    public: str
    account_sid: str
    token: str
    number: str

    def webhook(self, path: str, writer: str, text: str) -> bytes:
        """Return one whole signed request with a message of its own."""
        sid = f"SM{uuid4().hex}"
        form = {
            "MessageSid": sid,
            "SmsSid": sid,
            "SmsMessageSid": sid,
            "AccountSid": self.account_sid,
            "From": f"whatsapp:{writer}",
            "To": f"whatsapp:{self.number}",
            "Body": text,
            "NumMedia": "0",
            "NumSegments": "1",
            "SmsStatus": "received",
            "MessageType": "text",
            "ProfileName": "Someone",
            "WaId": writer.lstrip("+"),
            "ApiVersion": "2010-04-01",
        }
        body = urlencode(form).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {urlsplit(self.public).netloc}\r\n"
            "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n"
            f"X-Twilio-Signature: {signature(self.token, self.public + path, form)}\r\n"
            f"I-Twilio-Idempotency-Token: {uuid4().hex}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(frozen=True)
class MetaSender:
    """Who signs as Meta does, and for which number."""

    public: str
    secret: str
    phone_number_id: str

    def webhook(self, path: str, writers: Sequence[str], text: str) -> bytes:
        """Return one whole signed post with a new message of each writer."""
        messages = [
            {
                "from": writer.lstrip("+"),
                "id": f"wamid.{uuid4().hex}",
                "timestamp": str(int(time.time())),
                "type": "text",
                "text": {"body": text},
            }
            for writer in writers
        ]
        people = [{"profile": {"name": "Someone"}, "wa_id": writer.lstrip("+")} for writer in writers]
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550001", "phone_number_id": self.phone_number_id},
            "contacts": people,
            "messages": messages,
        }
        entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {urlsplit(self.public).netloc}\r\nContent-Type: application/json\r\n"
            f"X-Hub-Signature-256: {post_signature(self.secret, body)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(frozen=True)
class SlackSender:
    """Who signs as Slack does, and for which workspace."""

    public: str
    secret: str
    team: str

    def webhook(self, path: str, person: str) -> bytes:
        """Return one whole signed press of a person, on a button like those that we post."""
        at, place = f"{time.time():.6f}", {"message_ts": f"{time.time():.6f}", "channel_id": "C0123456789"}
        action = {
            "action_id": "walker_approve",
            "block_id": f"approval:{uuid4()}",
            "value": f"{uuid4()}:{uuid4().hex}{uuid4().hex}",
            "type": "button",
            "action_ts": at,
        }
        payload = {
            "type": "block_actions",
            "team": {"id": self.team, "domain": "acme"},
            "user": {"id": person, "username": "someone", "team_id": self.team},
            "api_app_id": "A0123456789",
            "trigger_id": uuid4().hex,
            "container": {"type": "message", **place},
            "channel": {"id": place["channel_id"], "name": "approvals"},
            "message": {"ts": place["message_ts"], "text": "A request needs your approval. " * 20},
            "response_url": "https://hooks.slack.com/actions/T1/2/3",
            "actions": [action],
        }
        body = urlencode({"payload": json.dumps(payload)})
        now = str(int(time.time()))
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {urlsplit(self.public).netloc}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"X-Slack-Request-Timestamp: {now}\r\n"
            f"X-Slack-Signature: {press_signature(self.secret, now, body)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return (head + body).encode()


@dataclass(frozen=True)
class Run:
    """What one run took: the whole of it, and each request."""

    seconds: float
    spent: Sequence[float]

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.spent) / self.seconds

    @property
    def p99(self) -> float:
        """The time that 99 of 100 requests did not exceed."""
        return quantile(self.spent, 0.99)


async def post_all(url: str, requests: Sequence[bytes], lines: int) -> Run:
    """Post all requests over so many kept connections, each one request after the other."""
    waiting = list(reversed(requests))
    spent: list[float] = []

    async def line() -> None:
        reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        while waiting:
            request = waiting.pop()
            began = time.perf_counter()
            writer.write(request)
            await _answer(reader)
            spent.append(time.perf_counter() - began)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(line() for _ in range(lines)))
    return Run(time.perf_counter() - began, spent)


async def _answer(reader: asyncio.StreamReader) -> None:
    """Read one answer to its end; anything but a 2xx is an error of the measurement."""
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 2"):
        raise RuntimeError(head.decode(errors="replace"))
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
    if length:
        await reader.readexactly(int(length))
    elif b"chunked" in head.lower():
        await reader.readuntil(b"0\r\n\r\n")

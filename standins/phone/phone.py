"""The phone: people write, replies arrive, status reports go back; misbehaviour can be scripted."""

import base64
import binascii
import threading
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from standins.clock import now
from standins.errors import invalid, not_found, refuse_unknown
from standins.phone import rest
from standins.phone.store import Account, Store
from standins.phone.webhooks import Poster
from standins.store import Document

STOP_WORDS = {"stop", "unsubscribe", "cancel", "end", "quit"}
START_WORDS = {"start", "unstop", "yes"}
CONFIRMED = {"stop": "You have been unsubscribed. Reply START to resubscribe.", "start": "You have been resubscribed."}


@dataclass
class Behaviour:
    """How status reports are posted: copies, order, delay, and before or after the 201.

    With `manages_opt_out` the account answers STOP and START by itself on WhatsApp too, as it always does by SMS.
    """

    copies: int = 1
    reversed: bool = False
    early: bool = False
    wait: float = 0.05
    fail_with: int = 0
    hours_later: float = 0.0
    manages_opt_out: bool = False


class Phone:
    """All accounts, their messages, and the webhooks to the product."""

    def __init__(self, store: Store, poster: Poster, accounts: list[Account]) -> None:
        self.store, self.poster = store, poster
        self.accounts = {account.sid: account for account in accounts}
        self.behaviour = Behaviour()
        self.address = ""
        self._guard = threading.Lock()

    @property
    def webhook(self) -> str:
        """Return the URL for incoming messages, which a customer enters at Twilio."""
        return f"{self.poster.public}/channels/whatsapp/webhook/"

    def behave(self, wanted: Document) -> Document:
        """Change the behaviour; unknown names are refused."""
        refuse_unknown(wanted, Behaviour)
        self.behaviour = Behaviour(**wanted)
        return vars(self.behaviour).copy()

    def reset(self) -> None:
        """Delete all messages and reset the behaviour."""
        self.behaviour = Behaviour()
        self.store.clear()

    def write(self, wanted: Document) -> Document:
        """Send a message from a person: `{account, from, body, files, fields}`.

        `files` are `{type, content}` with base64 content; `fields` are extra parameters of the webhook.
        """
        account = self.accounts.get(str(wanted.get("account", "")))
        if account is None:
            raise not_found()
        sender, body = str(wanted.get("from", "")), str(wanted.get("body", ""))
        sid = str(wanted.get("sid") or f"SM{uuid.uuid4().hex}")
        files = self._store_files(account, sid, list(wanted.get("files") or []))
        if self.store.get_message(account.sid, sid) is None:
            self.store.add_message(
                {
                    "sid": sid,
                    "account": account.sid,
                    "direction": "inbound",
                    "sender": sender,
                    "recipient": account.address,
                    "body": body or ("[file]" if files else ""),
                    "status": "received",
                    "created": now().isoformat(),
                    "more": {},
                }
            )
        is_managed = self.behaviour.manages_opt_out or not account.address.startswith("whatsapp:")
        wish = self._apply_wish(account, sender, body.strip().lower()) if is_managed else {}
        form = {**self._form(account, sid, sender, body), **files}
        more = {str(name): str(value) for name, value in dict(wanted.get("fields") or {}).items()}
        form = {name: value for name, value in {**form, **wish, **more}.items() if value or name == "Body"}
        return {"sid": sid, "status": self.poster.post(account, self.webhook, form)}

    def _apply_wish(self, account: Account, sender: str, word: str) -> dict[str, str]:
        """Opt a person out or in and confirm it, as the provider does, and return what the webhook says about it."""
        if word not in STOP_WORDS | START_WORDS:
            return {}
        is_out = word in STOP_WORDS
        self.store.set_opted_out(account.sid, sender, is_out=is_out)
        self.store.add_message(
            {
                "sid": f"SM{uuid.uuid4().hex}",
                "account": account.sid,
                "direction": "outbound-reply",
                "sender": account.address,
                "recipient": sender,
                "body": CONFIRMED["stop" if is_out else "start"],
                "status": "delivered",
                "created": now().isoformat(),
                "more": {},
            }
        )
        return {"OptOutType": "STOP" if is_out else "START"}

    def _store_files(self, account: Account, sid: str, files: list[Document]) -> dict[str, str]:
        """Store files and return their parameters of the webhook."""
        form = {"NumMedia": str(len(files)), "MessageType": "image"} if files else {}
        for number, file in enumerate(files):
            path, kind = f"Messages/{sid}/Media/ME{uuid.uuid4().hex}", str(file.get("type", ""))
            try:
                content = base64.b64decode(str(file.get("content", "")), validate=True)
            except binascii.Error:
                raise invalid(files="The content isn't base64.") from None
            self.store.add_file(account.sid, path, kind, content)
            form[f"MediaUrl{number}"] = f"{self.address}/2010-04-01/Accounts/{account.sid}/{path}"
            form[f"MediaContentType{number}"] = kind
        return form

    def _form(self, account: Account, sid: str, sender: str, body: str) -> dict[str, str]:
        return {
            "MessageSid": sid,
            "SmsSid": sid,
            "SmsMessageSid": sid,
            "AccountSid": account.sid,
            "From": sender,
            "To": account.address,
            "Body": body,
            "NumMedia": "0",
            "NumSegments": "1",
            "SmsStatus": "received",
            "MessageType": "text",
            "ProfileName": account.people.get(sender, "").partition(" ")[0].rstrip(","),
            "WaId": sender.partition("+")[2],
            "ApiVersion": "2010-04-01",
        }

    def send(self, account: Account, form: dict[str, Any]) -> Document:
        """Accept a message of the product and post its status reports."""
        later = timedelta(hours=self.behaviour.hours_later)
        message = rest.create_message(self.store, account, form, later)
        answer = rest.serialize_message(message)
        if self.behaviour.early:
            self._report(account, message, "sent", wait=0)
        refused = self.behaviour.fail_with or message["more"]["refused"]
        words = ["undelivered"] if refused else ["sent", "delivered"]
        for word in reversed(words) if self.behaviour.reversed else words:
            self._report(account, message, word, wait=self.behaviour.wait, error=refused)
        return answer

    def read(self, account: Account) -> int:
        """Mark all delivered messages as read and return how many."""
        delivered = [one for one in self.store.list_messages(account.sid) if one["status"] == "delivered"]
        for message in delivered:
            self._report(account, message, "read", wait=0)
        return len(delivered)

    def _report(self, account: Account, message: Document, word: str, *, wait: float, error: int = 0) -> None:
        with self._guard:
            self.store.set_status(message["sid"], word, error or None)
        callback = message["more"].get("callback", "")
        form = {
            "AccountSid": account.sid,
            "MessageSid": message["sid"],
            "SmsSid": message["sid"],
            "MessageStatus": word,
            "SmsStatus": word,
            "From": message["sender"],
            "To": message["recipient"],
            "ApiVersion": "2010-04-01",
            **({"ErrorCode": str(error)} if error and word in ("undelivered", "failed") else {}),
        }
        for _ in range(self.behaviour.copies if callback else 0):
            self.poster.report_later(account, callback, form, wait)

    def view(self) -> Document:
        """Return the data of the human page."""
        return {"accounts": [self._view(account) for account in self.accounts.values()], "webhook": self.webhook}

    def _view(self, account: Account) -> dict[str, Any]:
        messages = self.store.list_messages(account.sid)
        return {
            "sid": account.sid,
            "name": account.name,
            "address": account.address,
            "people": account.people,
            "messages": messages[::-1],
            "webhooks": self.store.list_webhooks(account.sid, 30),
        }

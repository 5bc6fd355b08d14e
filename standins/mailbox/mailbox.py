"""The mailbox: mail arrives, is opened, clicked or bounces; misbehaviour can be scripted."""

import base64
import re
import uuid
from dataclasses import dataclass

from standins.clock import now
from standins.errors import ApiError, invalid, not_found, refuse_unknown
from standins.mailbox import inbound, rest
from standins.mailbox.seed import Account
from standins.mailbox.store import Store
from standins.mailbox.webhooks import Poster
from standins.store import Document

KINDS = ("processed", "delivered", "open", "click", "bounce", "dropped", "spamreport", "unsubscribe")
# Mail to addresses with this prefix bounces.
BOUNCES = "bounce"


@dataclass
class Behaviour:
    """How events and emails are posted: copies, order, delay, or not at all; emails raw or `parsed`."""

    copies: int = 1
    reversed: bool = False
    wait: float = 0.05
    silent: bool = False
    parsed: bool = False


class Mailbox:
    """All accounts, their mail, and the webhooks to the product."""

    def __init__(self, store: Store, poster: Poster, accounts: list[Account]) -> None:
        self.store, self.poster = store, poster
        self.accounts = {account.slug: account for account in accounts}
        self.behaviour = Behaviour()

    def behave(self, wanted: Document) -> Document:
        """Change the behaviour; unknown names are refused."""
        refuse_unknown(wanted, Behaviour)
        self.behaviour = Behaviour(**wanted)
        return vars(self.behaviour).copy()

    def reset(self) -> None:
        """Delete all mail and reset the behaviour."""
        self.behaviour = Behaviour()
        self.store.clear()

    def account_of(self, api_key: str) -> Account | None:
        """Return the account of an API key, or None."""
        return next((one for one in self.accounts.values() if one.api_key == api_key), None)

    def accept(self, account: Account, body: Document) -> str:
        """Accept one mail of the product, post its events, and return its id."""
        mail = rest.parse_mail(account, body)
        self.store.add_mail(mail)
        is_bounced = mail["recipient"].startswith(BOUNCES)
        kinds = ["processed", "bounce" if is_bounced else "delivered"]
        if not self.behaviour.silent:
            self._report(account, mail, kinds, wait=self.behaviour.wait)
        return str(mail["id"])

    def fire(self, wanted: Document) -> Document:
        """Trigger an event of a mail: `{id, kind, url, fields, force}`."""
        mail = self.store.get_mail(str(wanted.get("id", "")))
        kind = str(wanted.get("kind", ""))
        if mail is None:
            raise not_found()
        if kind not in KINDS:
            raise invalid(kind=f"One of {', '.join(KINDS)}.")
        if not wanted.get("force") and not rest.is_tracked(mail, kind):
            raise ApiError(409, "not_tracked", "The sender doesn't track this event.")
        more = {**dict(wanted.get("fields") or {}), **({"url": wanted["url"]} if wanted.get("url") else {})}
        self._report(self.accounts[mail["account"]], mail, [kind], more=more)
        return {"id": mail["id"], "kind": kind}

    def write(self, wanted: Document) -> Document:
        """Post an email that somebody writes to an account, and return the status of the product's answer.

        `{account, sender, name, subject, text, html, to, reply_to_mail, headers, files, proven}`: `reply_to_mail` is
        the id of a mail of the product's that it answers, `files` are `{name, type, content}` in base64.
        """
        account = self.accounts.get(str(wanted.get("account", "")))
        sender = str(wanted.get("sender", ""))
        if account is None or not account.reports or not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", sender):
            raise invalid(sender="Choose an account and enter an email address.")
        answered = self.store.get_mail(str(wanted.get("reply_to_mail") or ""))
        message, recipient = inbound.compose(account, sender, wanted, answered)
        form, boundary = inbound.form_of(message, sender, recipient, wanted, parsed=self.behaviour.parsed)
        status = 0
        for _ in range(0 if self.behaviour.silent else self.behaviour.copies):
            status = self.poster.post_mail(account, form, boundary)
        kept = {"sender": sender, "subject": str(message["Subject"]), "message": message.as_string()}
        self.store.add_written(account.slug, kept, status, now().isoformat())
        return {"status": status, "message_id": str(message["Message-ID"])}

    def _report(
        self, account: Account, mail: Document, kinds: list[str], *, wait: float = 0.0, more: Document | None = None
    ) -> None:
        self.store.set_state(mail["id"], kinds[-1])
        if not account.reports:
            return
        events = [
            {
                **mail["body"].get("custom_args", {}),
                "email": mail["recipient"],
                "timestamp": int(now().timestamp()),
                "event": kind,
                "sg_event_id": base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="),
                "sg_message_id": f"{mail['id']}.filter0001.16648.5515E0B88.0",
                "category": mail["body"].get("categories", []),
                **_FACTS.get(kind, {}),
                **(more or {}),
            }
            for kind in kinds
        ]
        if self.behaviour.reversed:
            events.reverse()
        for _ in range(self.behaviour.copies):
            self.poster.post_later(account, events, wait)

    def view(self) -> Document:
        """Return the data of the human page."""
        accounts = [{"slug": one.slug, "name": one.name, "sender": one.sender} for one in self.accounts.values()]
        mails = [
            {**mail, "tracked": {kind: rest.is_tracked(mail, kind) for kind in ("open", "click")}}
            for mail in self.store.list_mails()
        ]
        return {
            "accounts": accounts,
            "mails": mails,
            "batches": self.store.list_batches(30),
            "written": self.store.list_written(),
        }


_FACTS: dict[str, Document] = {
    "bounce": {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 no such user"},
    "dropped": {"reason": "Bounced Address"},
    "open": {"useragent": "SandboxMailbox/1", "ip": "192.0.2.1", "sg_machine_open": False},
    "click": {"useragent": "SandboxMailbox/1", "ip": "192.0.2.1"},
    "delivered": {"response": "250 OK"},
}

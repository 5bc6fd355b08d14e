"""The mailbox itself: mail arrives, is opened, clicked or sent back; it can be told to misbehave."""

import base64
import uuid
from dataclasses import dataclass

from standins.clock import now
from standins.errors import ApiError, invalid, not_found, refuse_unknown
from standins.mailbox import rest
from standins.mailbox.posting import Poster
from standins.mailbox.seed import Account
from standins.mailbox.store import Store
from standins.store import Document

KINDS = ("processed", "delivered", "open", "click", "bounce", "dropped", "spamreport", "unsubscribe")
# Who is called so has no mailbox: the mail comes back.
BOUNCES = "bounce"


@dataclass
class Behaviour:
    """How events travel: how many of each batch, in which order, how slowly, or not at all."""

    copies: int = 1
    reversed: bool = False
    wait: float = 0.05
    silent: bool = False


class Mailbox:
    """All accounts, their mail and the way to the product."""

    def __init__(self, store: Store, poster: Poster, accounts: list[Account]) -> None:
        self.store, self.poster = store, poster
        self.accounts = {account.slug: account for account in accounts}
        self.behaviour = Behaviour()

    def behave(self, wanted: Document) -> Document:
        """Change the behaviour; unknown words are refused."""
        refuse_unknown(wanted, Behaviour)
        self.behaviour = Behaviour(**wanted)
        return vars(self.behaviour).copy()

    def reset(self) -> None:
        """Forget mail and misbehaviour."""
        self.behaviour = Behaviour()
        self.store.clear()

    def account_of(self, api_key: str) -> Account | None:
        """The account of a key."""
        return next((one for one in self.accounts.values() if one.api_key == api_key), None)

    def take(self, account: Account, body: Document) -> str:
        """Take one mail of the product, report about it, and return its id."""
        mail = rest.take(account, body)
        self.store.add_mail(mail)
        comes_back = mail["recipient"].startswith(BOUNCES)
        kinds = ["processed", "bounce" if comes_back else "delivered"]
        if not self.behaviour.silent:
            self._report(account, mail, kinds, wait=self.behaviour.wait)
        return str(mail["id"])

    def fire(self, wanted: Document) -> Document:
        """Let something happen to a mail: `{id, kind, url, fields, force}`."""
        mail = self.store.get_mail(str(wanted.get("id", "")))
        kind = str(wanted.get("kind", ""))
        if mail is None:
            raise not_found()
        if kind not in KINDS:
            raise invalid(kind=f"One of {', '.join(KINDS)}.")
        if not wanted.get("force") and not rest.is_tracked(mail, kind):
            raise ApiError(409, "not_tracked", "The sender does not want to hear of this.")
        more = {**dict(wanted.get("fields") or {}), **({"url": wanted["url"]} if wanted.get("url") else {})}
        self._report(self.accounts[mail["account"]], mail, [kind], more=more)
        return {"id": mail["id"], "kind": kind}

    def _report(
        self, account: Account, mail: Document, kinds: list[str], *, wait: float = 0.0, more: Document | None = None
    ) -> None:
        self.store.set_state(mail["id"], kinds[-1])
        if not account.reports:
            return
        events = [_event(mail, kind, more or {}) for kind in kinds]
        if self.behaviour.reversed:
            events.reverse()
        for _ in range(self.behaviour.copies):
            self.poster.post_later(account, events, wait)

    def view(self) -> Document:
        """Everything the page shows."""
        accounts = [{"slug": one.slug, "name": one.name, "sender": one.sender} for one in self.accounts.values()]
        mails = [_shown(one) for one in self.store.list_mails()]
        return {"accounts": accounts, "mails": mails, "batches": self.store.list_batches(30)}


def _shown(mail: Document) -> Document:
    tracked = {kind: rest.is_tracked(mail, kind) for kind in ("open", "click")}
    return {**mail, "tracked": tracked}


_FACTS: dict[str, Document] = {
    "bounce": {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 no such user"},
    "dropped": {"reason": "Bounced Address"},
    "open": {"useragent": "SandboxMailbox/1", "ip": "192.0.2.1", "sg_machine_open": False},
    "click": {"useragent": "SandboxMailbox/1", "ip": "192.0.2.1"},
    "delivered": {"response": "250 OK"},
}


def _event(mail: Document, kind: str, more: Document) -> Document:
    return {
        **mail["body"].get("custom_args", {}),
        "email": mail["recipient"],
        "timestamp": int(now().timestamp()),
        "event": kind,
        "sg_event_id": base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="),
        "sg_message_id": f"{mail['id']}.filter0001.16648.5515E0B88.0",
        "category": mail["body"].get("categories", []),
        **_FACTS.get(kind, {}),
        **more,
    }

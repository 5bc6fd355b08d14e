"""Meta's numbers: people write, replies arrive, statuses go back; misbehaviour can be scripted."""

import base64
import binascii
import hashlib
import re
import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from standins.clock import now
from standins.errors import ApiError, invalid, not_found, refuse_unknown
from standins.meta import uploads
from standins.meta.webhooks import Poster
from standins.phone.store import Account, Store
from standins.store import Document

WINDOW = timedelta(hours=24)
TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
_PHONE = re.compile(r"\+?[1-9][0-9]{6,14}")
# Meta's own id of a person, for businesses: it is given where the phone number is hidden.
_USER = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}")


@dataclass(frozen=True)
class Number(Account):
    """One number of a WhatsApp business account."""

    business_account_id: str = ""
    app_secret: str = field(default="", repr=False)
    key: str = ""


@dataclass
class Behaviour:
    """How statuses are posted, and what is wrong with the number."""

    copies: int = 1
    reversed: bool = False
    early: bool = False
    wait: float = 0.05
    fail_with: int = 0
    hours_later: float = 0.0
    token_expired: bool = False
    media: dict[str, Any] = field(default_factory=dict)
    """What is said about files instead of the truth."""


def _named(address: str, *, phone: str, user: str) -> dict[str, str]:
    """Return the field that names a person: with their number, or with Meta's id."""
    return {user: address} if _USER.fullmatch(address) else {phone: address.lstrip("+")}


def refusal(status: int, code: int, message: str, details: str = "") -> ApiError:
    """Return an error in Meta's format."""
    error = ApiError(status, str(code), message)
    error.body = {
        "error": {
            "message": f"(#{code}) {message}",
            "type": "OAuthException",
            "code": code,
            "error_data": {"messaging_product": "whatsapp", "details": details or message},
            "fbtrace_id": uuid.uuid4().hex[:11],
        }
    }
    return error


class World:
    """All numbers, their messages and templates, and the webhooks to the product."""

    def __init__(self, store: Store, poster: Poster, numbers: list[Number], templates: list[dict[str, Any]]) -> None:
        self.store, self.poster = store, poster
        self.accounts = {number.sid: number for number in numbers}
        self.templates = templates
        self.behaviour = Behaviour()
        self.address = ""
        self._guard = threading.Lock()

    def behave(self, wanted: Document) -> Document:
        """Change the behaviour; unknown names are refused."""
        refuse_unknown(wanted, Behaviour)
        self.behaviour = Behaviour(**wanted)
        return vars(self.behaviour).copy()

    def reset(self) -> None:
        """Delete all messages and reset the behaviour."""
        self.behaviour = Behaviour()
        self.store.clear()

    def number(self, sid: Any) -> Number:
        """Return a number of the control requests."""
        found = self.accounts.get(str(sid))
        if found is None:
            raise not_found()
        return found

    def write(self, wanted: Document) -> Document:
        """Send a message from a person: `{account, from, body, files, message, id}`.

        `message` are further or other fields of the message; `files` are `{type, content}` with base64 content.
        """
        number, sender = self.number(wanted.get("account")), str(wanted.get("from", ""))
        body, message_id = str(wanted.get("body", "")), str(wanted.get("id") or f"wamid.{uuid.uuid4().hex.upper()}")
        message: dict[str, Any] = {"type": "text", "text": {"body": body}}
        for file in list(wanted.get("files") or [])[:1]:
            message = self._store_file(number, file, body)
        message |= dict(wanted.get("message") or {})
        document = self.document(number, "messages", {
            "contacts": [{"profile": {"name": number.people.get(sender, "").partition(",")[0]},
                          **_named(sender, phone="wa_id", user="user_id")}],
            "messages": [{**_named(sender, phone="from", user="from_user_id"), "id": message_id,
                          "timestamp": str(int(now().timestamp())), **message}],
        })  # fmt: skip
        if self.store.get_message(number.sid, message_id) is None:
            self._add(number, message_id, sender, number.address, body or f"[{message['type']}]", "received", {})
        return {"id": message_id, "status": self.poster.post(number.sid, number.key, number.app_secret, document)}

    def prefer(self, wanted: Document) -> Document:
        """Stop or resume marketing with the app's switch: `{account, from, value}`; `value` is stop or resume."""
        number, sender = self.number(wanted.get("account")), str(wanted.get("from", "")).lstrip("+")
        value = str(wanted.get("value", ""))
        if value not in ("stop", "resume"):
            raise invalid(value="Choose stop or resume.")
        preference = {
            "wa_id": sender,
            "detail": f"User requested to {value} marketing messages",
            "category": "marketing_messages",
            "value": value,
            "timestamp": int(now().timestamp()),
        }
        facts = {"contacts": [{"wa_id": sender}], "user_preferences": [preference]}
        document = self.document(number, "user_preferences", facts)
        return {"status": self.poster.post(number.sid, number.key, number.app_secret, document)}

    def _store_file(self, number: Number, file: Document, caption: str) -> dict[str, Any]:
        kind = str(file.get("type", ""))
        try:
            content = base64.b64decode(str(file.get("content", "")), validate=True)
        except binascii.Error:
            raise invalid(files="The content isn't base64.") from None
        media_id = str(uuid.uuid4().int)[:15]
        self.store.add_file(number.sid, media_id, kind, content)
        family = kind.partition("/")[0]
        family = family if family in ("image", "video", "audio") else "document"
        facts = {"id": media_id, "mime_type": kind, "sha256": hashlib.sha256(content).hexdigest()}
        return {"type": family, family: {**facts, **({"caption": caption} if caption else {})}}

    def document(self, number: Number, name: str, value: dict[str, Any]) -> dict[str, Any]:
        """Return a webhook with one change."""
        metadata = {"display_phone_number": number.address.lstrip("+"), "phone_number_id": number.sid}
        change = {"field": name, "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
        return {
            "object": "whatsapp_business_account",
            "entry": [{"id": number.business_account_id, "changes": [change]}],
        }

    def _add(
        self, number: Number, sid: str, sender: str, recipient: str, body: str, status: str, more: Document
    ) -> None:
        direction = "inbound" if status == "received" else "outbound-api"
        row = {"sid": sid, "account": number.sid, "direction": direction, "sender": sender, "recipient": recipient}
        self.store.add_message({**row, "body": body, "status": status, "created": now().isoformat(), "more": more})

    def send(self, number: Number, wanted: Document) -> Document:
        """Accept a message or a read mark of the product, and post its statuses."""
        if wanted.get("messaging_product") != "whatsapp":
            raise refusal(400, 100, "The parameter messaging_product is required.")
        if wanted.get("status") == "read":
            return self._mark_read(number, wanted)
        kind = str(wanted.get("type", ""))
        to, user = str(wanted.get("to") or ""), str(wanted.get("recipient") or "")
        # The number counts where both are given.
        if to and not _PHONE.fullmatch(to):
            raise refusal(400, 100, "The parameter to is not valid.")
        if not to and not _USER.fullmatch(user):
            raise refusal(400, 100, "The parameter to or recipient is required.")
        if wanted.get("recipient_type") != "individual" or not isinstance(wanted.get(kind), dict):
            raise refusal(400, 100, f"The parameter {kind or 'type'} is required.")
        body = self._render(wanted, kind)
        phone = "+" + to.lstrip("+") if to else user
        last = self.store.last_inbound(number.sid, phone)
        later = timedelta(hours=self.behaviour.hours_later)
        is_open = bool(last) and now() + later - datetime.fromisoformat(last) < WINDOW
        refused = self.behaviour.fail_with or (0 if is_open or kind == "template" else 131047)
        sid = f"wamid.{uuid.uuid4().hex.upper()}"
        more = {"content": wanted, "refused": refused, "files": self._sent_files(number, wanted, kind)}
        self._add(number, sid, number.address, phone, body, "accepted", more)
        data = str(wanted.get("biz_opaque_callback_data") or "")
        words = ["failed"] if refused else ["sent", "delivered"]
        if self.behaviour.early:
            self._post_status(number, sid, phone, words[0], data, refused, wait=0.0, at_once=True)
        for word in reversed(words) if self.behaviour.reversed else words:
            for _ in range(self.behaviour.copies):
                self._post_status(number, sid, phone, word, data, refused, wait=self.behaviour.wait)
        contacts = [{"input": to or user, **_named(phone, phone="wa_id", user="user_id")}]
        return {"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": sid}]}

    def upload(self, number: Number, form: Document) -> Document:
        """Store a file of the product, by an id of its own."""
        file = form.get("file")
        kind = str(form.get("type", ""))
        family = uploads.family_of(kind)
        if form.get("messaging_product") != "whatsapp" or not isinstance(file, dict):
            raise refusal(400, 100, "The parameters messaging_product and file are required.")
        if not family or file["type"] != kind:
            raise refusal(400, 100, "Param file must be a file with one of the supported types.")
        if not 0 < len(file["content"]) <= uploads.FAMILIES[family][0]:
            raise refusal(400, 131053, "Media upload error", "The file is empty or too large.")
        media_id = str(uuid.uuid4().int)[:15]
        self.store.add_file(number.sid, media_id, kind, file["content"])
        return {"id": media_id}

    def _sent_files(self, number: Number, wanted: Document, kind: str) -> list[Document]:
        """Return the file of a message for the page; one of another kind or number is refused."""
        if kind not in uploads.FAMILIES:
            return []
        part = wanted[kind]
        found = self.store.get_file(number.sid, str(part.get("id", "")))
        if found is None or uploads.family_of(found[0]) != kind:
            raise refusal(400, 100, "Invalid parameter", "There is no such media of this kind.")
        digest = hashlib.sha256(found[1]).hexdigest()
        return [{"name": part.get("filename", ""), "type": found[0], "size": len(found[1]), "digest": digest}]

    def _render(self, wanted: Document, kind: str) -> str:
        part = wanted[kind]
        if kind in uploads.FAMILIES:
            caption = str(part.get("caption") or "")
            if len(caption) > CAPTION_LIMIT or (caption and kind == "audio"):
                raise refusal(400, 100, "The parameter caption is too long or not allowed here.")
            return caption
        if kind == "text":
            body = str(part.get("body") or "")
            if not 0 < len(body) <= TEXT_LIMIT:
                raise refusal(400, 100, f"The text must have 1 to {TEXT_LIMIT} characters.")
            return body
        if kind == "interactive":
            action = part.get("action") or {}
            sections = action.get("sections") or [{}]
            titles = [one["reply"]["title"] for one in action.get("buttons") or []]
            titles += [row["title"] for row in sections[0].get("rows") or []]
            limit = 20 if part.get("type") == "button" else 24
            if not titles or len(set(titles)) < len(titles) or any(not 0 < len(one) <= limit for one in titles):
                raise refusal(
                    400, 131009, "Parameter value is not valid", "The titles are missing, long or not unique."
                )
            return "\n".join([str((part.get("body") or {}).get("text") or ""), *(f"[ {title} ]" for title in titles)])
        if kind == "template":
            return self._render_template(part)
        return f"[{kind}]"

    def _render_template(self, part: Document) -> str:
        language = part.get("language") or {}
        if language.get("policy") != "deterministic":
            raise refusal(400, 100, "The parameter language.policy is required.")
        asked = (part.get("name"), language.get("code"))
        found = next((one for one in self.templates if (one["name"], one["language"]) == asked), None)
        if found is None:
            raise refusal(404, 132001, "Template name does not exist in the translation")
        if found["status"] != "APPROVED":
            raise refusal(400, 132015 if found["status"] == "PAUSED" else 132001, "Template is not available")
        text = next(str(one["text"]) for one in found["components"] if one["type"] == "BODY")
        body: dict[str, Any] = next((one for one in part.get("components") or [] if one.get("type") == "body"), {})
        values = [str(one.get("text", "")) for one in body.get("parameters") or []]
        if len(values) != len(set(re.findall(r"\{\{(\w+)\}\}", text))):
            raise refusal(400, 132000, "Number of parameters does not match the expected number of params")
        if any("\n" in value or not value for value in values):
            raise refusal(400, 132018, "There's an issue with the parameters in your template.")
        return re.sub(r"\{\{(\d+)\}\}", lambda match: values[int(match[1]) - 1], text)

    def _mark_read(self, number: Number, wanted: Document) -> Document:
        message = self.store.get_message(number.sid, str(wanted.get("message_id", "")))
        if message is None:
            raise refusal(400, 131009, "Parameter value is not valid", "There is no such message.")
        with self._guard:
            self.store.set_status(message["sid"], "typing" if wanted.get("typing_indicator") else "read", None)
        return {"success": True}

    def read(self, number: Number) -> int:
        """Mark all messages that arrived as read and return how many."""
        arrived = ("sent", "delivered")
        delivered = [one for one in self.store.list_messages(number.sid) if one["status"] in arrived]
        for one in delivered:
            data = str(one["more"].get("content", {}).get("biz_opaque_callback_data") or "")
            self._post_status(number, one["sid"], one["recipient"], "read", data, 0, wait=0.0)
        return len(delivered)

    def _post_status(
        self, number: Number, sid: str, phone: str, word: str, data: str, error: int, *, wait: float,
        at_once: bool = False,
    ) -> None:  # fmt: skip
        with self._guard:
            self.store.set_status(sid, word, error or None)
        status: dict[str, Any] = {
            "id": sid,
            "status": word,
            "timestamp": str(int(now().timestamp())),
            **_named(phone, phone="recipient_id", user="recipient_user_id"),
        }
        if data:
            status["biz_opaque_callback_data"] = data
        if error and word == "failed":
            status["errors"] = [{"code": error, "title": "Message undeliverable", "message": "Message undeliverable"}]
        document = self.document(number, "messages", {"statuses": [status]})
        if at_once:
            self.poster.post(number.sid, number.key, number.app_secret, document)
        else:
            self.poster.post_later(number.sid, number.key, number.app_secret, document, wait)

    def view(self) -> Document:
        """Return the data of the human page."""
        return {"accounts": [self._view(number) for number in self.accounts.values()]}

    def _view(self, number: Number) -> dict[str, Any]:
        facts = {"sid": number.sid, "name": number.name, "address": number.address, "people": number.people}
        messages = self.store.list_messages(number.sid)[::-1]
        return {**facts, "messages": messages, "webhooks": self.store.list_webhooks(number.sid, 30)}

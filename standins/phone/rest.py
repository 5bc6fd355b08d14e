"""The part of Twilio's Messages API that the product uses, with the vendor's own errors."""

import hashlib
import json
import re
import uuid
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.request import Request, urlopen

from standins.clock import now
from standins.errors import ApiError
from standins.phone.store import Account, Store
from standins.store import Document

BODY_LIMIT = 1600
FILE_LIMIT = 16 * 1024 * 1024
WINDOW = timedelta(hours=24)
_TO = re.compile(r"(whatsapp:)?(\+[1-9][0-9]{6,14}|[A-Z]{2}\.[A-Za-z0-9]{1,128}|ID\.[0-9]{1,32})")


def refusal(status: int, code: int, message: str) -> ApiError:
    """Return an error in the vendor's format."""
    error = ApiError(status, str(code), message)
    error.body = {"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}"}
    error.body["status"] = status
    return error


def create_message(store: Store, account: Account, form: dict[str, Any], later: timedelta) -> Document:
    """Store one message; raises the vendor's error. `later` moves the phone's clock forward."""
    to, sender = form.get("To", ""), form.get("From", "")
    if not _TO.fullmatch(to):
        raise refusal(400, 21211, f"The 'To' number {to} is not a valid phone number.")
    if not sender:
        raise refusal(400, 21603, "A 'From' phone number is required.")
    if sender != account.address:
        raise refusal(400, 21606, f"The 'From' number {sender} is not a number of this account.")
    if store.is_opted_out(account.sid, to):
        raise refusal(400, 21610, "Attempt to send to unsubscribed recipient")
    body = _render_body(account, form)
    # Without a template, the person must have written within the last 24 hours.
    is_open = bool(form.get("ContentSid")) or not account.address.startswith("whatsapp:")
    if not is_open:
        last = store.last_inbound(account.sid, to)
        is_open = bool(last) and now() + later - datetime.fromisoformat(last) < WINDOW
    urls = list(form.get("media") or [])
    is_whatsapp = account.address.startswith("whatsapp:")
    if len(urls) > (1 if is_whatsapp else 10):
        raise refusal(400, 21623, "Number of media files exceeds allowed limit")
    files = [fetch(url) for url in urls]
    refused = 0 if is_open else 63016
    if is_open and not all(file["type"] for file in files):
        refused = 63019 if is_whatsapp else 12300
    message = {
        "sid": f"SM{uuid.uuid4().hex}",
        "account": account.sid,
        "direction": "outbound-api",
        "sender": sender,
        "recipient": to,
        "body": body,
        "status": "queued",
        "created": now().isoformat(),
        "more": {
            "callback": form.get("StatusCallback", ""),
            "template": form.get("ContentSid", ""),
            "refused": refused,
            "files": files,
        },
    }
    store.add_message(message)
    return message


def fetch(url: str) -> Document:
    """Fetch a file as the vendor does: HEAD, then GET without credentials; an empty type says that it failed."""
    found: Document = {"url": url, "type": "", "size": 0, "name": "", "digest": ""}
    if not url.startswith(("http://", "https://")):
        return found
    try:
        with urlopen(Request(url, method="HEAD"), timeout=5) as answer:  # noqa: S310
            named = str(answer.headers.get_content_type())
        with urlopen(Request(url), timeout=5) as answer:  # noqa: S310
            content, kind = answer.read(FILE_LIMIT + 1), str(answer.headers.get_content_type())
            name = str(answer.headers.get_filename() or "")
    except OSError:
        return found
    if named != kind or len(content) > FILE_LIMIT:
        return found
    return {**found, "type": kind, "size": len(content), "name": name, "digest": hashlib.sha256(content).hexdigest()}


def _render_body(account: Account, form: dict[str, Any]) -> str:
    template = form.get("ContentSid", "")
    if not template:
        body = str(form.get("Body", ""))
        if not body and not form.get("MediaUrl"):
            raise refusal(400, 21619, "A text message body or media urls must be specified.")
        if len(body) > BODY_LIMIT:
            raise refusal(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        return str(body)
    if template not in account.templates:
        raise refusal(404, 20404, f"The requested resource {template} was not found")
    try:
        variables = json.loads(form.get("ContentVariables") or "{}")
        assert isinstance(variables, dict)  # noqa: S101
        assert all(isinstance(value, str) and "\n" not in value for value in variables.values())  # noqa: S101
    except (ValueError, AssertionError):
        raise refusal(400, 21656, "The ContentVariables parameter is invalid") from None
    return re.sub(r"\{\{(\w+)\}\}", lambda match: str(variables.get(match[1], "")), account.templates[template])


def serialize_message(message: Document) -> Document:
    """Return a message in the API's format."""
    at = format_datetime(datetime.fromisoformat(message["created"]))
    uri = f"/2010-04-01/Accounts/{message['account']}/Messages/{message['sid']}.json"
    return {
        "sid": message["sid"],
        "account_sid": message["account"],
        "api_version": "2010-04-01",
        "body": message["body"],
        "from": message["sender"],
        "to": message["recipient"],
        "direction": message["direction"],
        "status": message["status"],
        "error_code": message.get("error_code"),
        "error_message": None,
        "num_segments": "1",
        "num_media": str(len(message["more"].get("files", ()))),
        "price": None,
        "price_unit": "USD",
        "messaging_service_sid": None,
        "date_created": at,
        "date_updated": at,
        "date_sent": at,
        "uri": uri,
        "subresource_uris": {"media": uri.replace(".json", "/Media.json")},
    }


def list_contents(account: Account) -> Document:
    """Return the account's templates with WhatsApp's approval, as one page."""
    rows = [
        {
            "sid": sid,
            "friendly_name": "update",
            "language": "en",
            "variables": {"1": ""},
            "types": {"twilio/text": {"body": text}},
            "approval_requests": {"name": "update", "category": "UTILITY", "status": "approved"},
        }
        for sid, text in account.templates.items()
    ]
    return {"contents": rows, "meta": {"page": 0, "page_size": 100, "next_page_url": None}}


def list_messages(store: Store, account: Account, query: dict[str, str]) -> Document:
    """Return one page of the newest messages, filtered by To and From."""
    rows = [
        serialize_message(one)
        for one in store.list_messages(account.sid)
        if query.get("To") in (None, one["recipient"]) and query.get("From") in (None, one["sender"])
    ]
    size = int(query.get("PageSize", "50"))
    page: dict[str, Any] = {"page": 0, "page_size": size, "next_page_uri": None, "messages": rows[:size]}
    return {**page, "uri": f"/2010-04-01/Accounts/{account.sid}/Messages.json"}

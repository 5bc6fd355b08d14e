"""The part of SendGrid's Mail Send that the product uses, with the vendor's own errors."""

import re
import uuid
from typing import Any

from standins.clock import now
from standins.errors import ApiError
from standins.mailbox.seed import Account
from standins.store import Document

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
FIELDS = frozenset(
    "personalizations from reply_to reply_to_list subject content attachments template_id headers categories "
    "custom_args send_at batch_id asm ip_pool_name mail_settings tracking_settings".split()
)


def refusal(status: int, message: str, field: str | None = None) -> ApiError:
    """Return an error in the vendor's format."""
    error = ApiError(status, str(status), message)
    error.body = {"errors": [{"message": message, "field": field, "help": None}]}
    return error


def parse_mail(account: Account, body: Document) -> Document:
    """Check one request and return its mail; raises the vendor's error."""
    for name in sorted(set(body) - FIELDS):
        raise refusal(400, f"Additional property {name} is not allowed", name)
    sender = _parse_address(body.get("from"), "from")
    if sender != account.sender:
        raise refusal(403, "The from address does not match a verified Sender Identity.", "from")
    recipient = _parse_recipient(body.get("personalizations"))
    subject = body.get("subject")
    if not isinstance(subject, str) or not subject:
        raise refusal(400, "The subject is required.", "subject")
    content = body.get("content")
    if not isinstance(content, list) or not content:
        raise refusal(400, "Unless a valid template_id is provided, the content parameter is required.", "content")
    for number, part in enumerate(content):
        if not isinstance(part, dict) or not part.get("value") or not part.get("type"):
            raise refusal(400, "The content value must be a string at least one character in length.", "content.value")
        if part["type"] == "text/plain" and number:
            raise refusal(400, "If present, text/plain must be first.", "content")
    _check_tags(body)
    return {
        "id": uuid.uuid4().hex[:22],
        "account": account.slug,
        "recipient": recipient,
        "subject": subject,
        "state": "taken",
        "created": now().isoformat(),
        "body": body,
    }


def _parse_recipient(personalizations: Any) -> str:
    if (
        not isinstance(personalizations, list)
        or len(personalizations) != 1
        or not isinstance(personalizations[0], dict)
    ):
        raise refusal(400, "The personalizations field is required and must have at least one.", "personalizations")
    to = personalizations[0].get("to")
    if not isinstance(to, list) or len(to) != 1:
        raise refusal(400, "The to array is required for all personalization objects.", "personalizations.0.to")
    return _parse_address(to[0], "personalizations.0.to.0")


def _parse_address(value: Any, field: str) -> str:
    address = value.get("email") if isinstance(value, dict) else None
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        raise refusal(400, "Does not contain a valid address.", f"{field}.email")
    return address


def _check_tags(body: Document) -> None:
    arguments = body.get("custom_args", {})
    if not isinstance(arguments, dict) or not all(isinstance(value, str) for value in arguments.values()):
        raise refusal(400, "The custom_args must be strings.", "custom_args")
    categories = body.get("categories", [])
    if len(categories) > 10 or not all(isinstance(one, str) for one in categories):
        raise refusal(400, "There can be at most 10 categories, all strings.", "categories")


def is_tracked(mail: Document, kind: str) -> bool:
    """Return True if the sender tracks this event."""
    setting = {"open": "open_tracking", "click": "click_tracking"}.get(kind)
    settings = mail["body"].get("tracking_settings") or {}
    return setting is None or bool((settings.get(setting) or {}).get("enable"))

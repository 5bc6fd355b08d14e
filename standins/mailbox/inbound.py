"""Emails to the product: composed as a mail program does, and posted as SendGrid's Inbound Parse does."""

import base64
import json
import secrets
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, make_msgid

from standins.clock import now
from standins.errors import invalid
from standins.mailbox.seed import Account, inbound_domain
from standins.store import Document


def compose(account: Account, sender: str, wanted: Document, answered: Document | None) -> tuple[EmailMessage, str]:
    """Return the email and its recipient; an answer names the mail it answers and goes to its Reply-To."""
    message = EmailMessage(policy=SMTP)
    body = answered["body"] if answered else {}
    headers = body.get("headers") or {}
    recipient = str(
        wanted.get("to") or (body.get("reply_to") or {}).get("email") or f"desk@{inbound_domain(account.slug)}"
    )
    subject = str(wanted.get("subject") or body.get("subject") or "A question").replace("\n", " ").replace("\r", " ")
    text = str(wanted.get("text") or "")
    if answered:
        subject = subject if subject.lower().startswith("re:") else f"Re: {subject}"
        if before := headers.get("Message-ID"):
            message["In-Reply-To"] = before
            message["References"] = " ".join(filter(None, (headers.get("References"), before)))
        old = next((one["value"] for one in body.get("content", []) if one["type"] == "text/plain"), "")
        quoted = "\n".join(f"> {line}" for line in old.splitlines())
        text = f"{text}\n\nOn {now():%a, %d %b %Y at %H:%M}, {account.name} wrote:\n{quoted}\n"
    message["From"] = formataddr((str(wanted.get("name") or ""), sender))
    message["To"], message["Subject"] = recipient, subject
    message["Date"], message["Message-ID"] = format_datetime(now()), make_msgid(domain=sender.rpartition("@")[2])
    try:
        for name, value in dict(wanted.get("headers") or {}).items():
            del message[name]
            message[name] = str(value)
        message.set_content(text)
        if wanted.get("html"):
            message.add_alternative(str(wanted["html"]), subtype="html")
        for one in wanted.get("files") or []:
            family, _, kind = str(one.get("type") or "application/octet-stream").partition("/")
            content = base64.b64decode(str(one.get("content", "")))
            message.add_attachment(content, maintype=family, subtype=kind, filename=str(one.get("name", "file")))
    except (ValueError, TypeError, AttributeError):
        raise invalid(headers="This email can't be written.") from None
    return message, recipient


def form_of(message: EmailMessage, sender: str, recipient: str, wanted: Document, *, parsed: bool) -> tuple[bytes, str]:
    """Return the vendor's form with the email, raw or parsed, and its boundary."""
    is_proven = wanted.get("proven", True)
    domain = sender.rpartition("@")[2]
    fields: dict[str, bytes] = {
        "dkim": f"{{@{domain} : {'pass' if is_proven else 'fail'}}}".encode(),
        "SPF": b"pass" if is_proven else b"fail",
        "envelope": json.dumps({"to": [recipient], "from": sender}).encode(),
        "sender_ip": b"192.0.2.1",
        "subject": str(message["Subject"]).encode(),
    }
    if not parsed:
        fields["email"] = message.as_bytes()
        return _multipart(fields, [])
    fields["headers"] = message.as_bytes().partition(b"\r\n\r\n")[0]
    for kind, name in (("plain", "text"), ("html", "html")):
        if part := message.get_body((kind,)):
            fields[name] = str(part.get_content()).encode()
    fields["charsets"] = json.dumps(dict.fromkeys(("to", "from", "subject", "text", "html"), "utf-8")).encode()
    files = [
        (str(one.get_filename()), one.get_content_type(), one.get_payload(decode=True) or b"")
        for one in message.iter_attachments()
    ]
    fields["attachments"] = str(len(files)).encode()
    return _multipart(fields, files)


def _multipart(fields: dict[str, bytes], files: list[tuple[str, str, object]]) -> tuple[bytes, str]:
    boundary = f"xYzZY{secrets.token_hex(8)}"
    pieces = []
    for name, value in fields.items():
        pieces.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value)
    for number, (filename, kind, content) in enumerate(files, start=1):
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="attachment{number}"; filename="{filename}"\r\n'
        pieces.append(f"{head}Content-Type: {kind}\r\n\r\n".encode() + (content if isinstance(content, bytes) else b""))
    return b"\r\n".join([*pieces, f"--{boundary}--\r\n".encode()]), boundary

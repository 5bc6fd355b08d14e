"""Turn what Inbound Parse posts into the email it is about, with what SendGrid checked written above it.

In raw mode the email is in the form as it came. In parsed mode it is put together again from its texts and
files, byte for byte and with the charsets that SendGrid names, so that both take one path from here on.
"""

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final

from channels_app.email.mailboxes import INBOUND_PARSE
from channels_app.mime import senders
from channels_app.mime.headers import BLOCK_LIMIT, is_address
from channels_app.mime.parts import Field, fields_of

Fields = Mapping[str, Field]
Buffer = bytes | memoryview
FIELD_LIMIT: Final = 10_000
_TOKEN: Final = re.compile(rb"[A-Za-z0-9!#$&^_.+-]{1,80}/[A-Za-z0-9!#$&^_.+-]{1,80}")
_CHARSET: Final = re.compile(r"[A-Za-z0-9_.:+-]{1,40}")
_BREAKS: Final = re.compile(rb"[\r\n]+")
_OWN: Final = (b"content-", b"mime-version")


def email_of(body: bytes, content_type: str) -> bytes:
    """Return the email of a post; what holds none is returned as it is, to be parked."""
    fields = fields_of(body, content_type)
    if "email" in fields:
        return b"".join((_checked(fields), fields["email"].content))
    if not {"headers", "from", "text", "html"} & set(fields):
        return body
    return b"".join((_checked(fields), *_rebuilt(fields)))


def _checked(fields: Fields) -> bytes:
    """Return headers with what the receiving server knows; the topmost count, not those the email brings along."""
    words = {name: _text(fields, name) for name in ("dkim", "SPF", "envelope")}
    try:
        envelope = json.loads(words["envelope"])
    except (ValueError, RecursionError):
        envelope = None
    given: Any = envelope if isinstance(envelope, dict) else {}
    sender = given.get("from")
    is_known = isinstance(sender, str) and (sender == "" or (is_address(sender) and sender.isascii()))
    proof = senders.proof_of_fields(words, sender if is_known else "")
    results = [f"dkim=pass header.d={domain}" for domain in sorted(proof.dkim)]
    if proof.spf:
        results.append(f"spf=pass smtp.mailfrom={proof.spf}")
    lines = [f"Authentication-Results: {'; '.join((INBOUND_PARSE, *(results or ['none'])))}"]
    if is_known:
        lines.append(f"Return-Path: <{sender}>")
    recipients = given.get("to") if isinstance(given.get("to"), list) else []
    named = [one for one in recipients[:20] if isinstance(one, str) and one.isascii() and is_address(one)]
    # The last one takes what an email folds into it by beginning with a space.
    lines += [*(f"Delivered-To: {one}" for one in named), "X-Walker-Door: inbound-parse"]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii", "replace")


def _rebuilt(fields: Fields) -> list[Buffer]:
    """Return an email of the parsed form in pieces, so that no file is copied twice."""
    mark = f"walker-{secrets.token_hex(16)}".encode()
    charsets = _charsets(fields)
    pieces: list[Buffer] = [
        _headers(fields),
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=",
        mark,
        b"\r\n\r\n",
    ]
    inner = mark + b"-a"
    pieces += [b"--", mark, b"\r\nContent-Type: multipart/alternative; boundary=", inner, b"\r\n\r\n"]
    for name, kind in (("text", b"plain"), ("html", b"html")):
        if name in fields:
            charset = charsets.get(name, "utf-8").encode()
            pieces += [b"--", inner, b"\r\nContent-Type: text/", kind, b"; charset=", charset, b"\r\n\r\n"]
            pieces += [fields[name].content, b"\r\n"]
    pieces += [b"--", inner, b"--\r\n"]
    for name, one in fields.items():
        if name.startswith("attachment") and name[10:].isdigit():
            kind = one.content_type.encode("ascii", "replace")
            kind = kind if _TOKEN.fullmatch(kind) else b"application/octet-stream"
            filename = one.filename.replace('"', "'").replace("\\", " ").encode()
            pieces += [b"--", mark, b"\r\nContent-Type: ", kind, b"\r\nContent-Transfer-Encoding: binary\r\n"]
            pieces += [b'Content-Disposition: attachment; filename="', _BREAKS.sub(b" ", filename), b'"\r\n\r\n']
            pieces += [one.content, b"\r\n"]
    return [*pieces, b"--", mark, b"--\r\n"]


def _headers(fields: Fields) -> bytes:
    """Return the email's own headers, without those that describe parts which no longer exist."""
    if "headers" not in fields:
        names = [name for name in ("from", "to", "cc", "subject") if name in fields]
        values = [_BREAKS.sub(b" ", bytes(fields[name].content[:FIELD_LIMIT])) for name in names]
        return b"".join(b"%s: %s\r\n" % (name.encode(), value) for name, value in zip(names, values, strict=True))
    kept: list[bytes] = []
    is_dropped = False
    for line in bytes(fields["headers"].content[:BLOCK_LIMIT]).splitlines():
        if not line.strip():
            continue
        if line[:1] not in b" \t":
            is_dropped = line.lower().startswith(_OWN)
        if not is_dropped:
            kept.append(line + b"\r\n")
    return b"".join(kept)


def _charsets(fields: Fields) -> dict[str, str]:
    try:
        found = json.loads(_text(fields, "charsets"))
    except (ValueError, RecursionError):
        return {}
    named = found.items() if isinstance(found, dict) else ()
    return {str(name): word for name, word in named if isinstance(word, str) and _CHARSET.fullmatch(word)}


def _text(fields: Fields, name: str) -> str:
    return bytes(fields[name].content[:FIELD_LIMIT]).decode("utf-8", "replace") if name in fields else ""

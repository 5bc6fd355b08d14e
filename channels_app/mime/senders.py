"""Who sent an email, whether that is proven, and whether a program wrote it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from channels_app.mime.headers import VALUE_LIMIT, Address, Headers, is_address
from channels_app.mime.parts import Part

Automatic = Literal["", "bounce", "auto_reply", "list"]
_ORDER: Final = ("reply-to", "x-original-sender", "from")
_MACHINES: Final = re.compile(
    r"(mailer-daemon|postmaster|bounces?([+=-].*)?|(do-?)?no-?t?-?reply([+=.-].*)?|donotreply|noreply)@", re.IGNORECASE
)
_BOUNCERS: Final = re.compile(r"(mailer-daemon|postmaster|bounces?([+=-].*)?)@", re.IGNORECASE)
# A longer header may have been cut, in the middle of a domain.
RESULTS_LIMIT: Final = VALUE_LIMIT - 500
_PIECE: Final = re.compile(
    r"""(?P<quoted>"[^"\\]*+") | (?P<end>;) | (?P<word>[^"();\\]++)
    | (?P<comment>(?<!\S)\((?:[^()"\\] | "[^"\\]*+" | \([^()"\\]*+\))*+\)(?=[\s;]|$))""",
    re.VERBOSE,
)
_RESULT: Final = re.compile(r"\s*(dkim|spf|dmarc)\s*(?:/\s*1\s*)?=\s*([a-z]+)(?=\s|$)", re.IGNORECASE)
_PROPERTY: Final = re.compile(r"(?:[^\s\"]|\"[^\"]*\")+")
_DKIM_FIELD: Final = re.compile(r"@([A-Za-z0-9._-]{1,253})\s*:\s*([A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class Proof:
    """What the receiving mail server checked: domains that signed the mail, and the one that may have sent it."""

    dkim: frozenset[str] = frozenset()
    spf: str = ""
    dmarc: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """The address that an answer goes to, and whether the mail provably comes from it."""

    address: Address = field(repr=False)
    is_verified: bool


def find_sender(headers: Headers, proof: Proof, own: frozenset[str]) -> Sender | None:
    """Return the sender by Reply-To, X-Original-Sender and From, in this order; None if there is none.

    Our own addresses are skipped in the first two. DKIM and SPF speak for the domain of From: another address in
    Reply-To could be anybody's, even one of the same domain, so only a sender that is also the one and only
    From is verified.
    """
    authors = headers.addresses("from")
    for name in _ORDER:
        for one in headers.addresses(name):
            if name != "from" and one.address.lower() in own:
                continue
            is_author = len(authors) == 1 and authors[0].address.lower() == one.address.lower()
            single = len(headers.all("from")) == 1
            shown = authors[0].name if is_author and not one.name else one.name
            return Sender(Address(one.address, shown), is_author and single and is_proven(one.domain, proof))
    return None


def is_proven(domain: str, proof: Proof) -> bool:
    """Return True if DKIM or SPF passed for this domain or one above it, or DMARC for exactly this one."""
    if proof.dmarc and proof.dmarc == domain:
        return True
    # A domain speaks for those below it, never the other way round: anyone gets a name below "blogspot.com".
    return any("." in one and (domain == one or domain.endswith(f".{one}")) for one in (*proof.dkim, proof.spf))


def proof_of_fields(fields: Mapping[str, str], envelope_from: str) -> Proof:
    """Return what SendGrid checked, from the fields `dkim` and `SPF` beside the mail."""
    passed = {
        domain.lower() for domain, word in _DKIM_FIELD.findall(fields.get("dkim", "")[:2000]) if word.lower() == "pass"
    }
    spf = fields.get("SPF", "").strip().lower() == "pass" and is_address(envelope_from)
    return Proof(frozenset(passed), envelope_from.rpartition("@")[2].lower() if spf else "")


def proof_of_headers(headers: Headers, server: str) -> Proof:
    """Return what our mail server checked, from the topmost Authentication-Results that bears its name.

    Lower ones may have come with the mail, so they prove nothing; without the server's name nothing is proven.
    """
    name, *results = _results_of(next(iter(headers.all("authentication-results")), ""))
    if not server or name.strip().split(" ")[0].lower() != server.strip().lower():
        return Proof()
    dkim, spf, dmarc = set(), "", ""
    for result in results:
        found = _RESULT.match(result)
        if found is None or found[2].lower() != "pass":
            continue
        facts: dict[str, str] = {}
        for one in _PROPERTY.findall(result[found.end() :]):
            key, _, value = one.partition("=")
            facts.setdefault(key.lower(), value.strip('"').rpartition("@")[2].lower())
        method = found[1].lower()
        if method == "dkim":
            dkim.add(facts.get("header.d") or facts.get("header.i", ""))
        elif method == "spf":
            spf = facts.get("smtp.mailfrom", "")
        else:
            dmarc = facts.get("header.from", "")
    return Proof(frozenset(filter(None, dkim)), spf, dmarc)


def _results_of(value: str) -> list[str]:
    """Return the server's name and its results without comments; nothing if a sender's words may be mixed in.

    A server repeats what senders choose, such as the part before the @ or the name in HELO. If it forgets to quote
    them, they could end a comment and begin a result of their own.
    """
    found, words, at = [], "", 0
    if len(value) > RESULTS_LIMIT or not value.isascii():
        return [""]
    while at < len(value):
        piece = _PIECE.match(value, at)
        if piece is None:
            return [""]
        at = piece.end()
        if piece.lastgroup == "end":
            found.append(words)
            words = ""
        else:
            words += " " if piece.lastgroup == "comment" else piece[0]
    return [*found, words]


def why_automatic(headers: Headers, parts: list[Part], answers_to: str) -> Automatic:
    """Return why a mail must not be answered: a bounce, an automatic reply or a list; "" if a person wrote it.

    `answers_to` is the sender's address: forms of websites write From a machine's, and answer to the person's own.
    """
    author = next((one.address for one in headers.addresses("from")), "")
    returns = headers.raw("return-path").strip()
    is_report = headers.as_message("content-type").get_content_type() == "multipart/report"
    submitted = headers.raw("auto-submitted").partition(";")[0].strip().lower()
    if is_report or _BOUNCERS.match(author) or headers.has("x-failed-recipients"):
        return "bounce"
    if any(part.content_type == "message/delivery-status" for part in parts):
        return "bounce"
    if headers.has("list-id", "list-post", "list-unsubscribe", "x-campaign-id", "feedback-id"):
        return "list"
    precedence = headers.raw("precedence").strip().lower()
    if precedence in ("bulk", "list", "junk"):
        return "list"
    if submitted and submitted != "no":
        return "auto_reply"
    if precedence == "auto_reply" or headers.has("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply"):
        return "auto_reply"
    if {"all", "oof", "autoreply"} & set(re.split(r"[\s,]+", headers.raw("x-auto-response-suppress").lower())):
        return "auto_reply"
    if returns == "<>" or _MACHINES.match(answers_to):
        return "auto_reply"
    return ""

"""Meaning of Twilio's error codes: a sentence, whether a retry can help, and who can fix it."""

from typing import Final

from integrations.meanings import SLOW, Meaning, find_meaning

_TO = Meaning("The recipient's number is missing or invalid.", "recipient")
_FROM = Meaning("The sender's number doesn't belong to this Twilio account.", "channel")
_CONTENT = Meaning("WhatsApp rejected the message's content.", "content")
_TEMPLATE = Meaning("The template is missing, not approved or has different variables.", "channel")
_PROVIDER = Meaning("WhatsApp or the carrier had a problem.", "provider", permanent=False)
_UNREACHABLE = Meaning("The recipient can't be reached on this channel.", "recipient")
_HELD_BACK = Meaning("WhatsApp doesn't deliver this to the recipient today.", "recipient")
_CARRIER = Meaning("The carrier didn't deliver the message.", "recipient")

MEANINGS: Final[dict[str, Meaning]] = {
    "20003": Meaning("Twilio rejected the account SID or auth token.", "channel"),
    "20404": Meaning("Twilio doesn't know this account or resource.", "channel"),
    "20429": SLOW,
    "14107": SLOW,
    "21201": _TO,
    "21211": _TO,
    "21604": _TO,
    "21614": _TO,
    "21408": Meaning("The Twilio account isn't allowed to send to this region.", "channel"),
    "21603": _FROM,
    "21606": _FROM,
    "21712": Meaning("The messaging service has no sender.", "channel"),
    "21611": SLOW,
    "21610": Meaning(
        "The recipient has opted out with STOP.",
        "recipient",
        own_advice="Only the customer can change that, by writing START. Contact them another way.",
    ),
    "21617": Meaning("The message is longer than 1,600 characters.", "content"),
    "21619": Meaning("The message has no content.", "content"),
    "21656": Meaning("The template's variables aren't valid.", "content"),
    "30001": SLOW,
    "30022": SLOW,
    "30003": _CARRIER,
    "30005": _CARRIER,
    "30006": _CARRIER,
    "30007": _CARRIER,
    "30008": Meaning("The carrier didn't deliver the message.", "recipient", permanent=False),
    "63003": _UNREACHABLE,
    "63005": _CONTENT,
    "63012": _PROVIDER,
    "63013": _CONTENT,
    "63016": Meaning("The customer hasn't written for 24 hours. Only a template can be sent.", "window"),
    "63018": SLOW,
    "12300": Meaning("Twilio didn't accept the attachment's content type.", "content"),
    "21620": Meaning("Twilio couldn't use the attachment's address.", "content"),
    "21623": Meaning("A message can have at most ten attachments.", "content"),
    "30011": Meaning("The recipient's carrier or this number doesn't take files by SMS.", "recipient"),
    "63019": Meaning("WhatsApp couldn't fetch the attachment.", "content"),
    "63021": _CONTENT,
    "63024": _UNREACHABLE,
    "63027": _TEMPLATE,
    "63028": _TEMPLATE,
    "63029": _TEMPLATE,
    "63040": Meaning("WhatsApp rejected the template. Choose another one under Templates.", "channel"),
    "63041": Meaning("WhatsApp paused the template. Choose another one under Templates.", "channel"),
    "63042": Meaning("WhatsApp disabled the template. Choose another one under Templates.", "channel"),
    "63032": _HELD_BACK,
    "63049": _HELD_BACK,
    # Our own codes, for calls without an answer and for webhooks that can't be used.
    "not_reachable": Meaning("Twilio can't be reached.", "provider", permanent=False),
    "timed_out": Meaning("Twilio didn't answer in time.", "provider", permanent=False),
    "connection_lost": Meaning("The connection to Twilio was lost.", "provider", permanent=False),
    "bad_answer": Meaning("Twilio's answer couldn't be read.", "provider", permanent=False),
    "egress_refused": Meaning("The address of Twilio's API isn't allowed.", "channel"),
    "bad_url": Meaning("The address of Twilio's API isn't valid.", "channel"),
    "no_template": Meaning("There is no template for this in any language.", "channel"),
    "template_not_approved": Meaning("The chosen template isn't approved any more. Choose another one.", "channel"),
    "template_needs_more": Meaning(
        "The chosen template needs a file, or values in its heading or buttons. Choose another one.", "channel"
    ),
    "too_few_variables": Meaning("The template needs more values than the message has.", "content"),
    "template_without_gap": Meaning("The chosen template has no gap for the text. Choose another one.", "channel"),
    "no_credentials": Meaning("The account SID or auth token is missing.", "channel"),
    "window_closed": Meaning("The customer hasn't written for 24 hours, and there is no template.", "window"),
    "breaker_open": Meaning("Twilio failed several times in a row. Walker will retry shortly.", "provider", False),
    "unknown_number": Meaning(
        "A message arrived for another number of this Twilio account, which isn't connected here.",
        "channel",
        own_advice="Connect that number, or remove Walker's webhook address from it in the Twilio console.",
    ),
}
TEMPLATE_STATES: Final[dict[str, str]] = {"63027": "gone", "63040": "rejected", "63041": "paused", "63042": "disabled"}
"""What became of a template, by the code with which Twilio refuses to send it."""
_PAGE: Final = "https://www.twilio.com/docs/api/errors/{}"
_UNKNOWN: Final = Meaning("Twilio reports an error.", "provider")


def meaning_of(code: str, *, status: int = 0) -> Meaning:
    """Return the meaning of a code; for unknown codes the HTTP status decides whether a retry can help."""
    return find_meaning(MEANINGS, code, status=status, trouble=_PROVIDER, unknown=_UNKNOWN)


def page_of(code: str) -> str:
    """Return Twilio's page about one of its codes; "" for codes that are ours or an HTTP status."""
    return _PAGE.format(code) if code.isascii() and code.isdigit() and len(code) == 5 else ""


def describe_error(code: str) -> str:
    """Return a sentence for an error code, with the code."""
    return f"{meaning_of(code).words} ({code})" if code else ""

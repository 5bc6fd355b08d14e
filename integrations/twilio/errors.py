"""What Twilio's error codes mean: in words, whether a repeat can help, and who has to do something."""

from dataclasses import dataclass
from typing import Final, Literal

AtFault = Literal["recipient", "channel", "content", "provider", "window"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """One error in words. `at_fault` says who can mend it; `permanent` that a repeat cannot."""

    words: str
    at_fault: AtFault
    permanent: bool = True


_TO = Meaning("The recipient's number is missing or not valid.", "recipient")
_FROM = Meaning("The sending number does not belong to this Twilio account.", "channel")
_CONTENT = Meaning("WhatsApp rejected the content of the message.", "content")
_TEMPLATE = Meaning("The template is missing, not approved or has other variables.", "channel")
_PROVIDER = Meaning("WhatsApp or the carrier had a problem of its own.", "provider", permanent=False)
_UNREACHABLE = Meaning("The recipient cannot be reached on this channel.", "recipient")
_HELD_BACK = Meaning("WhatsApp does not deliver this to the recipient today.", "recipient")
_SLOW = Meaning("Too many messages in a short time.", "provider", permanent=False)
_CARRIER = Meaning("The carrier did not deliver the message.", "recipient")

MEANINGS: Final[dict[str, Meaning]] = {
    "20003": Meaning("Twilio does not accept the account SID and auth token.", "channel"),
    "20404": Meaning("Twilio does not know this account or resource.", "channel"),
    "20429": _SLOW,
    "21201": _TO,
    "21211": _TO,
    "21604": _TO,
    "21614": _TO,
    "21408": Meaning("The Twilio account may not send to this region.", "channel"),
    "21603": _FROM,
    "21606": _FROM,
    "21712": Meaning("The messaging service has no sender.", "channel"),
    "21610": Meaning("The recipient has opted out with STOP.", "recipient"),
    "21617": Meaning("The message is longer than 1,600 characters.", "content"),
    "21619": Meaning("The message has no content.", "content"),
    "21656": Meaning("The variables of the template are not valid.", "content"),
    "30003": _CARRIER,
    "30005": _CARRIER,
    "30006": _CARRIER,
    "30007": _CARRIER,
    "30008": Meaning("The carrier did not deliver the message.", "recipient", permanent=False),
    "63003": _UNREACHABLE,
    "63005": _CONTENT,
    "63012": _PROVIDER,
    "63013": _CONTENT,
    "63016": Meaning("The customer has not written for 24 hours: only a template may be sent.", "window"),
    "63018": _SLOW,
    "63019": Meaning("WhatsApp could not fetch the attached file.", "content"),
    "63021": _CONTENT,
    "63024": _UNREACHABLE,
    "63027": _TEMPLATE,
    "63028": _TEMPLATE,
    "63029": _TEMPLATE,
    "63032": _HELD_BACK,
    "63049": _HELD_BACK,
    # Our own words for what happens before or instead of an answer.
    "not_reachable": Meaning("Twilio cannot be reached.", "provider", permanent=False),
    "timed_out": Meaning("Twilio did not answer in time.", "provider", permanent=False),
    "connection_lost": Meaning("The connection to Twilio was lost.", "provider", permanent=False),
    "bad_answer": Meaning("Twilio's answer could not be read.", "provider", permanent=False),
    "egress_refused": Meaning("The address of Twilio's API is not one that may be called.", "channel"),
    "bad_url": Meaning("The address of Twilio's API is not valid.", "channel"),
    "no_credentials": Meaning("Account SID or auth token is missing.", "channel"),
    "window_closed": Meaning("The customer has not written for 24 hours, and there is no template.", "window"),
    "breaker_open": Meaning("Twilio failed several times in a row and is left alone for a moment.", "provider", False),
}
_UNKNOWN: Final = Meaning("Twilio reports an error.", "provider")


def meaning_of(code: str, *, status: int = 0) -> Meaning:
    """Return what a code means; of an unknown one only the HTTP status tells whether a repeat can help."""
    known = MEANINGS.get(code)
    if known is not None:
        return known
    if status == 429 or status >= 500:
        return _SLOW if status == 429 else _PROVIDER
    return _UNKNOWN


def in_words(code: str) -> str:
    """Return an error code as a sentence for people, with the code."""
    return f"{meaning_of(code).words} ({code})" if code else ""

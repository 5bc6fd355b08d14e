"""Meaning of Meta's error codes: a sentence, whether a retry can help, and who can fix it."""

from typing import Any, Final

from integrations.meanings import SLOW, Meaning, find_meaning

PAGE: Final = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"
"""Meta's page about all of its codes."""
_TOKEN: Final = Meaning("Meta rejected the access token. Create a new one and enter it here.", "channel")
_TEMPLATE: Final = Meaning("The template is missing, not approved or in another language.", "channel")
_VARIABLES: Final = Meaning("The template's variables don't match the template.", "content")
_CONTENT: Final = Meaning("WhatsApp rejected the message's content.", "content")
_PROVIDER: Final = Meaning("WhatsApp had a problem.", "provider", permanent=False)
_ACCOUNT: Final = Meaning("Meta has restricted this WhatsApp account. Look at it in the Business Manager.", "channel")

MEANINGS: Final[dict[str, Meaning]] = {
    "0": _TOKEN,
    "190": _TOKEN,
    "3": Meaning("The access token doesn't have the permission for this.", "channel"),
    "10": Meaning("The access token doesn't have the permission for this.", "channel"),
    "200": Meaning("The access token doesn't have the permission for this.", "channel"),
    "33": Meaning("Meta doesn't know this phone number ID.", "channel"),
    "100": Meaning("Meta couldn't read the message.", "content"),
    "1": _PROVIDER,
    "2": _PROVIDER,
    "4": SLOW,
    "80007": SLOW,
    "130429": SLOW,
    "131056": Meaning("Too many messages to this recipient in a short time.", "provider", permanent=False),
    "131048": Meaning("WhatsApp limits this number, because people have blocked or reported it.", "channel", False),
    "133016": SLOW,
    "368": _ACCOUNT,
    "130497": Meaning("This WhatsApp account may not write to people in this country.", "channel"),
    "131031": _ACCOUNT,
    "131042": Meaning("Meta has no valid payment method for this WhatsApp account.", "channel"),
    "131045": Meaning("The number isn't registered with the Cloud API.", "channel"),
    "133010": Meaning("The number isn't registered with the Cloud API.", "channel"),
    "130472": Meaning("WhatsApp doesn't deliver this to the recipient today.", "recipient"),
    "131000": _PROVIDER,
    "131005": Meaning("The access token doesn't have the permission for this.", "channel"),
    "131008": _CONTENT,
    "131009": _CONTENT,
    "131016": _PROVIDER,
    "131021": Meaning("The recipient is our own number.", "recipient"),
    "131026": Meaning("The recipient can't be reached on WhatsApp.", "recipient"),
    "131030": Meaning("The recipient isn't on the list of this test number.", "recipient"),
    "131047": Meaning("The customer hasn't written for 24 hours. Only a template can be sent.", "window"),
    "131049": Meaning("WhatsApp doesn't deliver this to the recipient today.", "recipient"),
    "131050": Meaning("The recipient has stopped marketing messages from this number.", "recipient"),
    "131051": Meaning("WhatsApp doesn't support this type of message.", "content"),
    "131052": Meaning("WhatsApp couldn't fetch the customer's file.", "content"),
    "131053": Meaning("WhatsApp couldn't take the attachment.", "content"),
    "131057": _PROVIDER,
    "131062": Meaning("WhatsApp sends this only to a phone number, and the customer hides theirs.", "recipient"),
    "132000": _VARIABLES,
    "132001": _TEMPLATE,
    "132005": _VARIABLES,
    "132007": _TEMPLATE,
    "132012": _VARIABLES,
    "132015": Meaning("The template is paused because of its low quality.", "channel"),
    "132016": Meaning("The template is disabled because of its low quality.", "channel"),
    "132018": _VARIABLES,
    # Our own codes, for calls without an answer and for webhooks that can't be used.
    "not_reachable": Meaning("Meta can't be reached.", "provider", permanent=False),
    "timed_out": Meaning("Meta didn't answer in time.", "provider", permanent=False),
    "connection_lost": Meaning("The connection to Meta was lost.", "provider", permanent=False),
    "bad_answer": Meaning("Meta's answer couldn't be read.", "provider", permanent=False),
    "egress_refused": Meaning("The address of Meta's API isn't allowed.", "channel"),
    "bad_url": Meaning("The address of Meta's API isn't valid.", "channel"),
    "no_template": Meaning("There is no template for this in any language.", "channel"),
    "template_not_approved": Meaning("The chosen template isn't approved any more. Choose another one.", "channel"),
    "template_needs_more": Meaning(
        "The chosen template needs a file, or values in its heading or buttons. Choose another one.", "channel"
    ),
    "too_few_variables": Meaning("The template needs more values than the message has.", "content"),
    "template_without_gap": Meaning("The chosen template has no gap for the text. Choose another one.", "channel"),
    "no_credentials": Meaning("The access token or phone number ID is missing.", "channel"),
    "window_closed": Meaning("The customer hasn't written for 24 hours, and there is no template.", "window"),
    "breaker_open": Meaning("Meta failed several times in a row. Walker will retry shortly.", "provider", False),
    "unknown_number": Meaning(
        "Meta reported a message of a number that isn't connected here. Check the phone number ID.", "channel"
    ),
}
TEMPLATE_STATES: Final[dict[str, str]] = {"132001": "gone", "132015": "paused", "132016": "disabled"}
"""What became of a template, by the code with which Meta refuses to send it."""
_UNKNOWN: Final = Meaning("Meta reports an error.", "provider")


def meaning_of(code: str, *, status: int = 0) -> Meaning:
    """Return the meaning of a code; for unknown codes the HTTP status decides whether a retry can help."""
    return find_meaning(MEANINGS, code, status=status, trouble=_PROVIDER, unknown=_UNKNOWN)


def describe_error(code: str) -> str:
    """Return a sentence for an error code, with the code."""
    return f"{meaning_of(code).words} ({code})" if code else ""


def words_of(error: Any) -> str:
    """Return what Meta says about an error, in an answer or a status: its message and details."""
    if not isinstance(error, dict):
        return ""
    data = error.get("error_data")
    found = [error.get("message") or error.get("title"), data.get("details") if isinstance(data, dict) else ""]
    return ": ".join(text for text in found if isinstance(text, str) and text)[:500]

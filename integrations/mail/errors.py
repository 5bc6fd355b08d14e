"""Mail error codes as sentences, with who can fix them."""

from typing import Final

from integrations.meanings import Meaning

_UNSURE: Final = Meaning(
    "The mail service didn't answer in time. It may have sent the email.",
    "provider",
    own_advice="Ask the recipient, or look at the mail service's log, before you send it again.",
)
_NO_SUCH_API: Final = Meaning("SendGrid's API address wasn't found.", "channel")
_PASSING: Final = Meaning("The mail service has a problem.", "provider", permanent=False)
_REJECTED: Final = Meaning("The email was rejected.", "content")


def _of_recipient(words: str) -> Meaning:
    """Return the meaning of a failure at the recipient's address."""
    return Meaning(words, "recipient", own_advice="Check the address, or contact them another way.")


MEANINGS: Final[dict[str, Meaning]] = {
    "imap_not_reachable": Meaning("The mailbox's server can't be reached.", "channel", permanent=False),
    "imap_private": Meaning("The mailbox's server has a private address, which isn't allowed here.", "channel"),
    "imap_certificate": Meaning("The certificate of the mailbox's server isn't valid.", "channel"),
    "imap_login": Meaning("The mailbox's server rejected the user name or password.", "channel"),
    "imap_folder": Meaning("The mailbox doesn't have this folder.", "channel"),
    "imap_refused": Meaning("The mailbox's server rejected a request.", "channel"),
    "not_connected": Meaning("No mail account is connected.", "channel"),
    "not_filled": Meaning("The link in the email couldn't be created.", "provider", permanent=False),
    "400": Meaning("SendGrid rejected the email.", "content"),
    "401": Meaning("SendGrid rejected the API key.", "channel"),
    "403": Meaning("SendGrid doesn't allow this key or sender address to send email.", "channel"),
    "404": _NO_SUCH_API,
    "405": _NO_SUCH_API,
    "413": Meaning("The email is too large.", "content"),
    "too_large": Meaning("The email is larger than the mail server takes.", "content"),
    "file_gone": Meaning("A file of this email was deleted before it was sent.", "content"),
    "429": Meaning("Too many emails in a short time.", "provider", permanent=False),
    "408": _UNSURE,
    "504": _UNSURE,
    "timed_out": _UNSURE,
    "connection_lost": Meaning(
        "The connection was lost while sending. The mail service may have the email.",
        "provider",
        own_advice=_UNSURE.own_advice,
    ),
    "cut_off": Meaning(
        "Sending was interrupted. The mail service may have the email.", "provider", own_advice=_UNSURE.own_advice
    ),
    "answer_too_large": Meaning(
        "The mail service's answer couldn't be read. It may have sent the email.",
        "provider",
        own_advice=_UNSURE.own_advice,
    ),
    "not_reachable": Meaning("The mail service can't be reached.", "provider", permanent=False),
    "egress_refused": Meaning("The mail service's address isn't allowed.", "channel"),
    "bad_url": Meaning("The mail service's address isn't valid.", "channel"),
    "bad_certificate": Meaning("The mail server's certificate isn't valid.", "channel"),
    "breaker_open": Meaning(
        "The mail service failed several times in a row. Walker will retry shortly.", "provider", permanent=False
    ),
    "535": Meaning("The mail server rejected the user name or password.", "channel"),
    "smtp_550": _of_recipient("The mail server doesn't know or refuses the recipient."),
    "smtp_552": _of_recipient("The email is larger than the mail server takes, or the mailbox is full."),
    "smtp_554": Meaning("The mail server refused the email.", "content"),
    "bounce": _of_recipient("The email bounced: the address doesn't exist or doesn't accept email."),
    "blocked": _of_recipient("The recipient's server refused the email."),
    "gate_opted_out": _of_recipient("The recipient opted out of these emails."),
    "gate_blocked": _of_recipient("A colleague blocked this contact."),
    "gate_unreachable": _of_recipient("The address can't receive our emails."),
    "gate_no_consent": _of_recipient("The recipient hasn't agreed to marketing."),
    "channel_paused": Meaning("The channel is paused.", "channel", permanent=False, own_advice="Resume the channel."),
    "bad_address": _of_recipient("The provider didn't send it: the address doesn't exist or bounced before."),
    "dropped": _of_recipient("The provider didn't send it: the address bounced, complained or unsubscribed earlier."),
}


_PAGE: Final = "https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/errors"
_ON_PAGE: Final = frozenset({"400", "401", "403", "406", "429", "500"})


def page_of(code: str) -> str:
    """Return SendGrid's page about an HTTP status of its API; "" for a code that the page doesn't have."""
    return _PAGE if code in _ON_PAGE else ""


def meaning_of(code: str) -> Meaning:
    """Return the meaning of a code, also of one that isn't listed."""
    known = MEANINGS.get(code)
    return known or (_PASSING if code.startswith(("5", "smtp_4")) else _REJECTED)


def describe_error(code: str) -> str:
    """Return a sentence for an error code, with the code; "" for no error."""
    return f"{meaning_of(code).words} ({code})" if code else ""

"""What mail errors mean, in words."""

from typing import Final

WORDS: Final = {
    "not_connected": "No mail account is connected.",
    "not_filled": "The link of the mail could not be made.",
    "400": "SendGrid did not accept the mail.",
    "401": "SendGrid does not accept the API key.",
    "403": "SendGrid does not let this key or this sender address send mail.",
    "404": "SendGrid's address for sending is not there.",
    "405": "SendGrid's address for sending is not there.",
    "413": "The mail is too large.",
    "429": "Too many mails in a short time.",
    "408": "The mail service did not answer in time; it may have the mail.",
    "504": "The mail service did not answer in time; it may have the mail.",
    "timed_out": "The mail service did not answer in time; it may have the mail.",
    "connection_lost": "The connection broke while the mail was handed over; the mail service may have it.",
    "cut_off": "Sending was cut off; the mail service may have the mail.",
    "answer_too_large": "The mail service's answer could not be read; it may have the mail.",
    "not_reachable": "The mail service cannot be reached.",
    "egress_refused": "The address of the mail service is not one that may be called.",
    "bad_url": "The address of the mail service is not valid.",
    "bad_certificate": "The mail server's certificate is not valid.",
    "breaker_open": "The mail service failed several times in a row and is left alone for a moment.",
    "535": "The mail server does not accept user name and password.",
    "smtp_550": "The mail server does not know the recipient, or refuses him.",
    "smtp_554": "The mail server refused the mail.",
    "bounce": "The recipient's server sent the mail back: the address does not exist or does not take mail.",
    "blocked": "The recipient's server refused the mail.",
    "dropped": "The provider held the mail back: the address bounced, complained or unsubscribed before.",
}


def in_words(code: str) -> str:
    """Return an error code as a sentence for people, with the code; "" for none."""
    if not code:
        return ""
    if code in WORDS:
        return f"{WORDS[code]} ({code})"
    if code.startswith(("5", "smtp_4")):
        return f"The mail service has a problem of its own. ({code})"
    return f"The mail was not taken. ({code})"

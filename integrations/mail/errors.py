"""Mail error codes as sentences."""

from typing import Final

WORDS: Final = {
    "imap_not_reachable": "The mailbox's server can't be reached.",
    "imap_private": "The mailbox's server has a private address, which isn't allowed here.",
    "imap_certificate": "The certificate of the mailbox's server isn't valid.",
    "imap_login": "The mailbox's server rejected the user name or password.",
    "imap_folder": "The mailbox doesn't have this folder.",
    "imap_refused": "The mailbox's server rejected a request.",
    "not_connected": "No mail account is connected.",
    "not_filled": "The link in the email couldn't be created.",
    "400": "SendGrid rejected the email.",
    "401": "SendGrid rejected the API key.",
    "403": "SendGrid doesn't allow this key or sender address to send email.",
    "404": "SendGrid's API address wasn't found.",
    "405": "SendGrid's API address wasn't found.",
    "413": "The email is too large.",
    "too_large": "The email is larger than the mail server takes.",
    "file_gone": "A file of this email was deleted before it was sent.",
    "429": "Too many emails in a short time.",
    "408": "The mail service didn't answer in time. It may have sent the email.",
    "504": "The mail service didn't answer in time. It may have sent the email.",
    "timed_out": "The mail service didn't answer in time. It may have sent the email.",
    "connection_lost": "The connection was lost while sending. The mail service may have the email.",
    "cut_off": "Sending was interrupted. The mail service may have the email.",
    "answer_too_large": "The mail service's answer couldn't be read. It may have sent the email.",
    "not_reachable": "The mail service can't be reached.",
    "egress_refused": "The mail service's address isn't allowed.",
    "bad_url": "The mail service's address isn't valid.",
    "bad_certificate": "The mail server's certificate isn't valid.",
    "breaker_open": "The mail service failed several times in a row. Walker will retry shortly.",
    "535": "The mail server rejected the user name or password.",
    "smtp_550": "The mail server doesn't know or refuses the recipient.",
    "smtp_552": "The email is larger than the mail server takes, or the mailbox is full.",
    "smtp_554": "The mail server refused the email.",
    "bounce": "The email bounced: the address doesn't exist or doesn't accept email.",
    "blocked": "The recipient's server refused the email.",
    "gate_opted_out": "The recipient opted out of these emails.",
    "gate_blocked": "A colleague blocked this contact.",
    "gate_unreachable": "The address can't receive our emails.",
    "gate_no_consent": "The recipient hasn't agreed to marketing.",
    "bad_address": "The provider didn't send it: the address doesn't exist or bounced before.",
    "dropped": "The provider didn't send it: the address bounced, complained or unsubscribed earlier.",
}


def describe_error(code: str) -> str:
    """Return a sentence for an error code, with the code; "" for no error."""
    if not code:
        return ""
    if code in WORDS:
        return f"{WORDS[code]} ({code})"
    if code.startswith(("5", "smtp_4")):
        return f"The mail service has a problem. ({code})"
    return f"The email was rejected. ({code})"

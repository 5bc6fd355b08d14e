"""What happened to a webhook, in words: what the receiver did, and what to do about it (pure)."""

from typing import Final

SUCCESS: Final = range(200, 300)
REDIRECT: Final = range(300, 400)

_WORDS: Final[dict[str, str]] = {
    "bad_url": "The address isn't valid. Enter it again.",
    "channel_off": "The channel was switched off.",
    "connection_lost": "The connection broke before your server answered.",
    "answer_packed": "Your server answered compressed content, although Walker doesn't accept it.",
    "answer_too_large": "Your server's answer is too large. Answer with an empty body.",
    "cut_off": "Walker stopped during this attempt. It is repeated.",
    "egress_refused": "The address leads into a private network, which isn't allowed. Enter a public one.",
    "erased": "The person was erased before it was delivered.",
    "gone": "Your server answered 410 (Gone), so deliveries were switched off. Save the address again to resume.",
    "no_endpoint": "No webhook address is set. Enter one.",
    "not_reachable": "Your server couldn't be reached. Check that it runs and that its certificate is valid.",
    "no_address": "The customer has no address here any more.",
    "blocked": "The contact is blocked.",
    "opted_out": "The customer opted out.",
    "paused": "Deliveries are paused.",
    "redirected": "Your server answered with a redirect. Walker doesn't follow redirects: enter the final address.",
    "removed": "The endpoint was removed.",
    "switched_off": "The endpoint was switched off after days of nothing but failures. Turn it on again, then resend.",
    "timed_out": "Your server took too long. Answer within 10 seconds, and do the work afterwards.",
}


def describe(error: str, status: int | None = None) -> str:
    """Return one or two sentences about an error code, or about the status of an answer."""
    if error in _WORDS:
        return _WORDS[error]
    answered = status if status is not None else int(error.removeprefix("http_")) if is_http(error) else None
    if answered is None:
        return f"It failed ({error})." if error else "It has not been sent yet."
    if answered in SUCCESS:
        return f"Delivered: your server answered {answered}."
    if answered in (401, 403):
        return f"Your server refused it ({answered}). Check that it verifies with the current secret."
    if answered == 404:
        return "Your server doesn't know this address (404). Check the path."
    if answered == 429:
        return "Your server asked to wait (429)."
    return f"Your server answered {answered}. Check its log."


def is_http(error: str) -> bool:
    """Return True for the code of an answer, such as `http_500`."""
    return error.startswith("http_") and error[5:].isdecimal()

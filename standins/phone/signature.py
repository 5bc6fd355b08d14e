"""Twilio's webhook signature: HMAC over the URL and the sorted parameters."""

import base64
import hashlib
import hmac


def signature(token: str, url: str, form: dict[str, str]) -> str:
    """Return the value of X-Twilio-Signature."""
    text = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()

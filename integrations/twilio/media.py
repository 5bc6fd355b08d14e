"""Fetching files that customers sent, from Twilio only; credentials are sent nowhere else."""

import base64
from typing import Final
from urllib.parse import urljoin, urlsplit

from django.conf import settings

from core.http import Reply, host_of
from integrations.media import FetchFailure, MediaFile, file_of, get

REDIRECTS: Final = 3
# Where Twilio stores files; its API redirects to one of these.
STORES: Final = (".twilio.com", ".twiliocdn.com", ".amazonaws.com")


def fetch_media(url: str, *, account_sid: str, auth_token: str) -> MediaFile | FetchFailure:
    """Fetch one file of the account. Failures outside are returned, never raised."""
    try:
        if not _is_media_of(url, account_sid):
            return FetchFailure("strange_address", permanent=True)
        secret = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        headers = {"Authorization": f"Basic {secret}"}
        for _ in range(REDIRECTS + 1):
            outcome = get(url, headers, private_host=host_of(settings.TWILIO_API_BASE))
            if not isinstance(outcome, Reply) or outcome.status not in (301, 302, 303, 307, 308):
                return file_of(outcome)
            url, headers = urljoin(url, outcome.headers.get("Location", "")), {}
            parts = urlsplit(url)
            is_store = parts.scheme == "https" and (parts.hostname or "").endswith(STORES)
            if not is_store or parts.username or parts.port not in (None, 443):
                return FetchFailure("strange_address", permanent=True)
    except ValueError:
        # An address that can't even be parsed, such as one with port 99999.
        return FetchFailure("strange_address", permanent=True)
    return FetchFailure("too_many_redirects", permanent=True)


def _is_media_of(url: str, account_sid: str) -> bool:
    """Return True for a URL of Twilio's API below the account: credentials are sent nowhere else."""
    parts, base = urlsplit(url), urlsplit(settings.TWILIO_API_BASE)
    is_same = (parts.scheme, parts.hostname, parts.port) == (base.scheme, base.hostname, base.port)
    is_below = parts.path.startswith(f"/2010-04-01/Accounts/{account_sid}/") and ".." not in parts.path
    return bool(account_sid) and is_same and is_below and not parts.username

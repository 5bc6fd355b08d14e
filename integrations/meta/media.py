"""Fetching files that customers sent by the Cloud API; the access token goes to Meta only."""

import hashlib
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from core.http import OutgoingHttp, Patience, Reply, host_of
from integrations.meta.client import MetaClient
from integrations.meta.types import Answer
from integrations.twilio.media import LIMIT, FetchFailure, MediaFile, is_wanted

PATIENCE: Final = Patience(connect=3.0, read=10.0, total=40.0, max_bytes=LIMIT)
# Where Meta keeps files: the address names one of these.
STORES: Final = (".fbsbx.com", ".fbcdn.net", ".facebook.com", ".whatsapp.net")


def fetch_media(media_id: str, *, phone_number_id: str, access_token: str) -> MediaFile | FetchFailure:
    """Fetch one file by its id. Failures outside are returned, never raised."""
    found = MetaClient(phone_number_id, access_token).describe_media(media_id)
    if not isinstance(found, Answer):
        return FetchFailure(found.code, permanent=bool(getattr(found, "permanent", False)))
    size = found.body.get("file_size")
    if isinstance(size, int) and size > LIMIT:
        return FetchFailure("too_large", permanent=True)
    url = str(found.body.get("url") or "")
    try:
        is_ours = _is_store(url)
    except ValueError:
        is_ours = False
    if not is_ours:
        return FetchFailure("strange_address", permanent=True)
    return _download(url, access_token, str(found.body.get("sha256") or ""))


def _is_store(url: str) -> bool:
    parts, base = urlsplit(url), urlsplit(settings.META_API_BASE)
    if (parts.scheme, parts.hostname, parts.port) == (base.scheme, base.hostname, base.port):
        return not parts.username
    is_safe = parts.scheme == "https" and not parts.username and parts.port in (None, 443)
    return is_safe and (parts.hostname or "").endswith(STORES)


def _download(url: str, access_token: str, digest: str) -> MediaFile | FetchFailure:
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    # Only the host that the operator configured may have a private address.
    base = host_of(settings.META_API_BASE)
    http = OutgoingHttp(f"{parts.scheme}://{parts.netloc}", patience=PATIENCE, private_hosts=[base])
    try:
        outcome = http.request("GET", path, headers={"Authorization": f"Bearer {access_token}"})
    finally:
        http.close()
    if not isinstance(outcome, Reply):
        permanent = outcome.code in ("egress_refused", "bad_url", "answer_too_large")
        return FetchFailure("too_large" if outcome.code == "answer_too_large" else outcome.code, permanent)
    if outcome.status != 200:
        can_retry = outcome.status == 429 or outcome.status >= 500
        return FetchFailure(f"status_{outcome.status}", permanent=not can_retry)
    content_type = outcome.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if not is_wanted(content_type):
        return FetchFailure("type_refused", permanent=True)
    if len(digest) == 64 and hashlib.sha256(outcome.body).hexdigest() != digest.lower():
        return FetchFailure("digest_differs", permanent=False)
    return MediaFile(outcome.body, content_type)

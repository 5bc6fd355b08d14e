"""Fetching files that customers sent by the Cloud API; the access token goes to Meta only."""

import hashlib
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from core.http import host_of
from integrations.media import LIMIT, FetchFailure, MediaFile, file_of, get
from integrations.meta.client import MetaClient
from integrations.meta.types import Answer

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
    headers = {"Authorization": f"Bearer {access_token}"}
    found = file_of(get(url, headers, private_host=host_of(settings.META_API_BASE)))
    if isinstance(found, FetchFailure) or len(digest) != 64:
        return found
    is_whole = hashlib.sha256(found.content).hexdigest() == digest.lower()
    return found if is_whole else FetchFailure("digest_differs", permanent=False)

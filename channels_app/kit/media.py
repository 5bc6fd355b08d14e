"""Download files that customers send by WhatsApp from their provider and store them encrypted."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from conversations import services
from conversations.models import Attachment, ChannelAccount
from core.clock import now
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope
from integrations.media import FetchFailure, MediaFile
from integrations.meta import media as meta_media
from integrations.twilio.media import fetch_media

log = get_logger(__name__)
BATCH: Final = 50
Fetch = Callable[[Attachment], MediaFile | FetchFailure]
_fetches: dict[str, Fetch] = {}


def register_fetch(kind: str, fetch_file: Fetch) -> None:
    """Register how files of a kind of channel are fetched, where that isn't from Twilio."""
    _fetches[kind] = fetch_file


def fetch(attachment_id: UUID) -> str:
    """Download one file that is due and return its state, or "" if there is none.

    Failures are recorded.
    """
    attachment = services.claim_attachment(attachment_id=attachment_id)
    if attachment is None:
        return ""
    outcome = _fetches.get(attachment.message.channel_account.kind, _download)(attachment)
    if isinstance(outcome, MediaFile):
        services.keep_attachment(attachment=attachment, content=outcome.content, content_type=outcome.content_type)
    else:
        log.info("file_not_fetched", attachment=str(attachment_id), code=outcome.code)
        services.fail_attachment(attachment=attachment, error=outcome.code, permanent=outcome.permanent)
    return str(attachment.state)


def _download(attachment: Attachment) -> MediaFile | FetchFailure:
    """Ask the provider of the message's account: Twilio by address, Meta by id."""
    account = attachment.message.channel_account
    kept = account.credentials or {}
    if account.provider == ChannelAccount.Provider.CLOUD:
        number, token = str(kept.get("phone_number_id") or ""), str(kept.get("access_token") or "")
        return meta_media.fetch_media(attachment.source, phone_number_id=number, access_token=token)
    sid, token = str(kept.get("account_sid") or ""), str(kept.get("auth_token") or "")
    return fetch_media(attachment.source, account_sid=sid, auth_token=token)


def list_due() -> list[tuple[UUID, UUID]]:
    """Return (tenant, file) of the files to download.

    These are new ones, and those whose worker died.
    """
    with platform_scope():
        due = Attachment.objects.filter(state=Attachment.State.PENDING, next_attempt_at__lte=now())
        return list(due.order_by("next_attempt_at").values_list("tenant_id", "id")[:BATCH])

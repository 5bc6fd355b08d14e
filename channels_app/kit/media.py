"""Fetch files that customers sent from their channel and store them encrypted."""

from typing import Final
from uuid import UUID

from channels_app.kit.channel import channel_of
from conversations import services
from conversations.models import Attachment
from core.clock import now
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope
from integrations.media import FetchFailure, MediaFile

log = get_logger(__name__)
BATCH: Final = 50


def fetch(attachment_id: UUID) -> str:
    """Download one file that is due and return its state, or "" if there is none. Failures are recorded."""
    attachment = services.claim_attachment(attachment_id=attachment_id)
    if attachment is None:
        return ""
    channel = channel_of(attachment.message.channel_account)
    outcome = channel.fetch_file(attachment) if channel else FetchFailure("gone", permanent=True)
    if isinstance(outcome, MediaFile):
        services.keep_attachment(attachment=attachment, content=outcome.content, content_type=outcome.content_type)
    else:
        log.info("file_not_fetched", attachment=str(attachment_id), code=outcome.code)
        services.fail_attachment(attachment=attachment, error=outcome.code, permanent=outcome.permanent)
    return str(attachment.state)


def list_due() -> list[tuple[UUID, UUID]]:
    """Return (tenant, file) of the files to download. These are new ones, and those whose worker died."""
    with platform_scope():
        due = Attachment.objects.filter(state=Attachment.State.PENDING, next_attempt_at__lte=now())
        return list(due.order_by("next_attempt_at").values_list("tenant_id", "id")[:BATCH])

"""Previews of pictures: redrawn by us, so that no byte that somebody sent is shown on a page."""

from contextlib import suppress
from threading import BoundedSemaphore
from typing import Final

from django.core.cache import cache

from conversations.messages import file_contents
from conversations.models import Attachment
from core.errors import NotFound, Unavailable
from core.files.kinds import PREVIEWED
from core.files.pictures import NO_PREVIEW, STAFF, draw_preview, type_of_drawn
from core.privacy.encryption import seal, unseal

KEPT_SECONDS: Final = 300
KEPT_BYTES: Final = 2 * 1024 * 1024
"""Larger ones are drawn each time, as the cache shares its memory with the queues."""
PURPOSE: Final = "walker.preview"


def read_preview(file: Attachment, places: BoundedSemaphore = STAFF) -> tuple[bytes, str]:
    """Return a stored picture as a page may show it, and its type; kept encrypted for some minutes.

    That a picture can't be drawn is kept for as long.

    Call it outside any transaction: it lets go of the database connection before it draws. Raises `NotFound` for what
    can't be drawn, `Unavailable` while too many others are or the store doesn't answer, and `Conflict` ("not_stored").
    """
    if file.content_type not in PREVIEWED:
        raise NotFound(NO_PREVIEW)
    key = f"{file.tenant_id}:preview:{file.pk}"
    drawn = b""
    if kept := cache.get(key):
        with suppress(Unavailable):  # of a key that is gone
            drawn = unseal(kept, purpose=PURPOSE, bound_to=key)
    if not drawn:
        failed = f"{file.tenant_id}:preview_failed:{file.pk}"
        if cache.get(failed):
            raise NotFound(NO_PREVIEW)
        content = file_contents.read_content(file)
        try:
            drawn = draw_preview(content, file.content_type, places=places)
        except NotFound:
            cache.set(failed, 1, KEPT_SECONDS)
            raise
        if len(drawn) <= KEPT_BYTES:
            cache.set(key, seal(drawn, purpose=PURPOSE, bound_to=key), KEPT_SECONDS)
    return drawn, type_of_drawn(drawn)

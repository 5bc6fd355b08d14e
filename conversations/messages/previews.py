"""Previews of pictures: redrawn by us, so that no byte that somebody sent is shown on a page."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import BoundedSemaphore, Timer
from typing import IO, Final, cast

from django.core.cache import cache
from django.db import connection

from conversations.messages import file_contents
from conversations.messages.files.kinds import PREVIEWED
from conversations.models import Attachment
from core.errors import NotFound, Unavailable
from core.observability.logging import get_logger
from core.privacy.encryption import seal, unseal

log = get_logger(__name__)
NO_PREVIEW: Final = "This file has no preview."
DRAWING: Final = Path(__file__).parent / "files" / "drawing.py"
SECONDS: Final = 15
WAIT_SECONDS: Final = 1
"""For a place to draw in: a reader asks again, and the thread has other requests."""
LARGEST: Final = 12 * 1024 * 1024
"""Bytes of a preview; no drawn picture has more."""
KEPT_SECONDS: Final = 300
KEPT_BYTES: Final = 2 * 1024 * 1024
"""Larger ones are drawn each time, as the cache shares its memory with the queues."""
PURPOSE: Final = "walker.preview"
STAFF: Final = BoundedSemaphore(2)
"""So many at once in a process: each may take hundreds of megabytes."""
VISITORS: Final = BoundedSemaphore(1)
"""Their pictures never take the places of staff."""


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
    return drawn, "image/png" if drawn.startswith(b"\x89PNG") else "image/jpeg"


def draw_preview(content: bytes, content_type: str, *, side: int = 1600, places: BoundedSemaphore = STAFF) -> bytes:
    """Return the first frame of a picture, at most `side` pixels wide and high.

    Raises `NotFound` and `Unavailable` as `read_preview`. A hostile picture can only end the process that draws it:
    that has 10 s of CPU, 768 MB of memory and no file to write, and no more of it is read than a preview may have.
    """
    if not connection.in_atomic_block:
        connection.close()
    if not places.acquire(timeout=WAIT_SECONDS):
        raise Unavailable("Too many previews are being made. Try again in a moment.")
    try:
        with subprocess.Popen(
            [sys.executable, "-I", str(DRAWING), PREVIEWED[content_type], str(side)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        ) as child:
            deadline = Timer(SECONDS, child.kill)
            deadline.start()
            try:
                given, said = cast(IO[bytes], child.stdin), cast(IO[bytes], child.stdout)
                with suppress(BrokenPipeError):
                    given.write(content)
                with suppress(BrokenPipeError):
                    given.close()
                drawn = said.read(LARGEST + 1)
                if len(drawn) > LARGEST:
                    child.kill()
                code = child.wait()
            finally:
                deadline.cancel()
                child.kill()
    finally:
        places.release()
    if code or not drawn:
        log.info("preview_not_drawn", kind=content_type, code=code)
        raise NotFound(NO_PREVIEW)
    return drawn

"""Pictures redrawn by us, so that no byte that somebody sent is shown on a page."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import BoundedSemaphore, Timer
from typing import IO, Final, cast

from django.db import connection

from core.errors import NotFound, Unavailable
from core.files.kinds import PREVIEWED
from core.observability.logging import get_logger

log = get_logger(__name__)
NO_PREVIEW: Final = "This file has no preview."
DRAWING: Final = Path(__file__).parent / "drawing.py"
SECONDS: Final = 15
WAIT_SECONDS: Final = 1
"""For a place to draw in: a reader asks again, and the thread has other requests."""
LARGEST: Final = 12 * 1024 * 1024
"""Bytes of a preview; no drawn picture has more."""
STAFF: Final = BoundedSemaphore(2)
"""So many at once in a process: each may take hundreds of megabytes."""
VISITORS: Final = BoundedSemaphore(1)
"""Their pictures never take the places of staff."""


def draw_preview(
    content: bytes, content_type: str, *, side: int = 1600, is_square: bool = False, places: BoundedSemaphore = STAFF
) -> bytes:
    """Return the first frame of a picture, at most `side` pixels wide and high, or the square in its middle.

    Raises `NotFound` for what can't be drawn and `Unavailable` while too many others are. Call it outside any
    transaction: it lets go of the database connection first. A hostile picture can only end the process that draws it:
    that has 10 s of CPU, 768 MB of memory and no file to write, and no more of it is read than a preview may have.
    """
    if not connection.in_atomic_block:
        connection.close()
    if not places.acquire(timeout=WAIT_SECONDS):
        raise Unavailable("Too many previews are being made. Try again in a moment.")
    shape = ["square"] if is_square else []
    try:
        with subprocess.Popen(
            [sys.executable, "-I", str(DRAWING), PREVIEWED[content_type], str(side), *shape],
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


def type_of_drawn(drawn: bytes) -> str:
    """Return the content type of a picture that we drew."""
    return "image/png" if drawn.startswith(b"\x89PNG") else "image/jpeg"

"""Previews of pictures: redrawn by us, so that no byte that somebody sent is shown on a page."""

import os
import subprocess
import sys
from pathlib import Path
from threading import BoundedSemaphore
from typing import Final

from core.errors import NotFound, Unavailable
from core.observability.logging import get_logger

log = get_logger(__name__)
NO_PREVIEW: Final = "This file has no preview."
DRAWING: Final = Path(__file__).parent / "files" / "drawing.py"
FORMATS: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}
SECONDS: Final = 15
LARGEST: Final = 12 * 1024 * 1024
"""Bytes of a preview; no drawn picture has more."""
_drawing: Final = BoundedSemaphore(2)
"""So many at once in a process: each may take hundreds of megabytes."""


def draw_preview(content: bytes, content_type: str) -> tuple[bytes, str]:
    """Return a picture as a page may show it, and its type: the first frame, at most 1,600 pixels wide and high.

    Raises `NotFound` for what can't be drawn, and `Unavailable` while too many others are. A hostile picture can only
    end the process that draws it: that has 10 s of CPU, 768 MB of memory and no file to write.
    """
    if content_type not in FORMATS:
        raise NotFound(NO_PREVIEW)
    if not _drawing.acquire(timeout=SECONDS):
        raise Unavailable("Too many previews are being made. Try again in a moment.")
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(DRAWING), FORMATS[content_type]],
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotFound(NO_PREVIEW) from None
    finally:
        _drawing.release()
    if done.returncode or not 0 < len(done.stdout) <= LARGEST:
        log.info("preview_not_drawn", kind=content_type, code=done.returncode)
        raise NotFound(NO_PREVIEW)
    return done.stdout, "image/png" if done.stdout.startswith(b"\x89PNG") else "image/jpeg"

"""Redraw a picture, in a process of its own that may use little time and memory.

Run as a program: its arguments are the format, the pixels of the longer side and, for a square, "square"; its input is
the picture, its output a PNG or JPEG. It imports nothing of ours.
"""

import resource
import sys
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps

SECONDS: Final = 10
MEMORY: Final = 768 * 1024 * 1024
PIXELS: Final = 50_000_000


def draw(picture_format: str, side: int, content: bytes, *, is_square: bool = False) -> bytes:
    """Return the first frame of a picture, made smaller, with nothing in it but pixels. Raises what Pillow raises.

    A square one is the middle of the picture.
    """
    Image.MAX_IMAGE_PIXELS = PIXELS // 2  # Pillow refuses twice as many
    drawn = BytesIO()
    with Image.open(BytesIO(content), formats=(picture_format,)) as picture:
        longest = side * 4 if is_square else side  # what is cut off is no loss of sharpness
        picture.draft("RGB", (longest, longest))
        picture.thumbnail((longest, longest))
        upright = ImageOps.exif_transpose(picture)
        if is_square:
            upright = ImageOps.fit(upright, (side, side))
        has_holes = upright.has_transparency_data
        pixels = upright.convert("RGBA" if has_holes else "RGB")
        bare = Image.frombytes(pixels.mode, pixels.size, pixels.tobytes())
        if picture_format in {"JPEG", "WEBP"} and not has_holes:
            bare.save(drawn, "JPEG", quality=85)
        else:
            bare.save(drawn, "PNG")
    return drawn.getvalue()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    given = sys.stdin.buffer.read()
    sys.stdout.buffer.write(draw(sys.argv[1], int(sys.argv[2]), given, is_square="square" in sys.argv[3:]))

"""Small files of every kind, made by hand: no tool of ours reads more than their first bytes."""

import struct
import zlib
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile


def png(width: int = 2, height: int = 2, *, more: bytes = b"") -> bytes:
    """Return a picture that browsers show, with bytes after its end if given."""
    rows = b"".join(b"\x00" + b"\x15\x5e\x4c" * width for _ in range(height)) if width * height <= 1_000_000 else b""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + body + more


def jpeg(width: int = 3, height: int = 2) -> bytes:
    """Return the beginning of a picture, up to its size."""
    table, size = b"\xff\xdb\x00\x04\x00\x00", struct.pack(">BHHB", 8, height, width, 0)
    return b"\xff\xd8\xff\xe0\x00\x04JF" + table + b"\xff\xc0" + struct.pack(">H", len(size) + 2) + size


def zipped(**parts: bytes) -> bytes:
    """Return an archive; in names `__` is a slash and `_` a dot."""
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name.replace("__", "/").replace("_", "."), content)
    return out.getvalue()


def docx(**more: bytes) -> bytes:
    """Return the skeleton of a Word document."""
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as packed:
        for name, content in {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"}.items():
            packed.writestr(name, content)
        for name, content in more.items():
            packed.writestr(name.replace("__", "/").replace("_", "."), content)
    return out.getvalue()


PDF = b"%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\ntrailer<</Root 1 0 R>>\n%%EOF"
MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2"
OGG = b"OggS\x00\x02" + bytes(20)
EXE = b"MZ\x90\x00\x03\x00\x00\x00" + bytes(56)
OLD_WORD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "WordDocument\0".encode("utf-16-le")
INSTALLER = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'

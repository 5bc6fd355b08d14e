"""The kind of a file by its bytes (pure): its name and what a sender says about it count for nothing."""

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Final, Literal
from zipfile import BadZipFile, ZipFile

from core.files.dimensions import dimensions_of

Family = Literal["image", "video", "audio", "document"]
Reason = Literal["empty", "executable", "markup", "archive", "disguised", "damaged", "too_many_pixels", "unknown"]
PIXELS: Final = 50_000_000
"""Pictures above this are refused: a few kilobytes can unpack to more than a phone's or a browser's memory."""
ENTRIES: Final = 2_000
LONGEST_ENTRY: Final = 400
"""Bytes of the list of entries that each of them may take."""
UNPACKED: Final = 300 * 1024 * 1024
TAIL: Final = 66_000
LOOKED_AT: Final = 2_000
"""Characters of a text that are searched for markup: browsers guess by fewer."""
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file that may be kept and sent: its words for people, its endings."""

    content_type: str
    label: str
    family: Family
    endings: tuple[str, ...]


KINDS: Final[Mapping[str, Kind]] = {
    kind.content_type: kind
    for kind in (
        Kind("image/jpeg", "JPEG picture", "image", ("jpg", "jpeg", "jpe", "jfif")),
        Kind("image/png", "PNG picture", "image", ("png",)),
        Kind("image/gif", "GIF picture", "image", ("gif",)),
        Kind("image/webp", "WebP picture", "image", ("webp",)),
        Kind("audio/ogg", "Ogg audio", "audio", ("ogg", "oga", "opus")),
        Kind("audio/mpeg", "MP3 audio", "audio", ("mp3",)),
        Kind("audio/amr", "AMR audio", "audio", ("amr",)),
        Kind("audio/aac", "AAC audio", "audio", ("aac",)),
        Kind("audio/mp4", "MP4 audio", "audio", ("m4a", "mp4")),
        Kind("audio/wav", "WAV audio", "audio", ("wav",)),
        Kind("video/mp4", "MP4 video", "video", ("mp4", "m4v")),
        Kind("video/3gpp", "3GP video", "video", ("3gp", "3gpp")),
        Kind("application/pdf", "PDF document", "document", ("pdf",)),
        Kind("application/msword", "Word document", "document", ("doc", "dot")),
        Kind("application/vnd.ms-excel", "Excel sheet", "document", ("xls", "xlt")),
        Kind("application/vnd.ms-powerpoint", "PowerPoint slides", "document", ("ppt", "pps")),
        Kind(f"{_OFFICE}.wordprocessingml.document", "Word document", "document", ("docx",)),
        Kind(f"{_OFFICE}.spreadsheetml.sheet", "Excel sheet", "document", ("xlsx",)),
        Kind(f"{_OFFICE}.presentationml.presentation", "PowerPoint slides", "document", ("pptx", "ppsx")),
        Kind("application/vnd.oasis.opendocument.text", "OpenDocument text", "document", ("odt",)),
        Kind("application/vnd.oasis.opendocument.spreadsheet", "OpenDocument sheet", "document", ("ods",)),
        Kind("application/vnd.oasis.opendocument.presentation", "OpenDocument slides", "document", ("odp",)),
        Kind("application/rtf", "RTF document", "document", ("rtf",)),
        Kind("text/vcard", "Contact card", "document", ("vcf",)),
        Kind("text/csv", "CSV table", "document", ("csv",)),
        Kind("text/plain", "Text file", "document", ("txt", "text", "log", "md")),
    )
}
PREVIEWED: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}
"""What is shown as a picture, by what the program that draws its preview calls it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a file's bytes say; width and height are 0 unless it is a picture whose size was read."""

    content_type: str
    width: int = 0
    height: int = 0


class BadFile(Exception):
    """The file can't be kept or sent; `reason` is a short code."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Final[Reason] = reason


WHY: Final[Mapping[str, str]] = {
    "empty": "is empty",
    "executable": "can run as a program or holds macros; such files aren't sent under any name",
    "markup": "holds markup that a browser would run (HTML or SVG); send it as a PDF or a picture",
    "archive": "is an archive; send the files in it one by one",
    "disguised": "is a picture or recording with something else hidden in it",
    "damaged": "is damaged; export or save it again",
    "too_many_pixels": "has too many pixels; make the picture smaller",
    "unknown": "is of a kind that can't be sent; send a picture, a PDF or an Office document",
}

# Programs, and what a system runs or mounts when it is opened.
_EXECUTABLE: Final = (
    b"MZ", b"\x7fELF", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe", b"\x00asm", b"dex\n", b"L\x00\x00\x00\x01\x14\x02\x00", b"!<arch>", b"ITSF",
    b"\xed\xab\xee\xdb", b"CWS", b"FWS",
)  # fmt: skip
_ARCHIVE: Final = (
    b"Rar!", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"MSCF", b"\x28\xb5\x2f\xfd", b"PK\x05\x06",
)  # fmt: skip
_START: Final = (
    (b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"), (b"OggS", "audio/ogg"), (b"ID3", "audio/mpeg"), (b"#!AMR", "audio/amr"),
    (b"%PDF-", "application/pdf"), (b"{\\rtf", "application/rtf"),
)  # fmt: skip
# These can be written in plain letters, and are no texts.
_TEXTUAL: Final = (b"#!AMR", b"%PDF-", b"{\\rtf", b"!<arch>")
_MP3: Final = (b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa")
_AAC: Final = (b"\xff\xf1", b"\xff\xf9")
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_KINDS: Final = (
    ("WordDocument", "application/msword"),
    ("Workbook", "application/vnd.ms-excel"),
    ("Book", "application/vnd.ms-excel"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
)
_OOXML: Final = (
    ("word/", f"{_OFFICE}.wordprocessingml.document"),
    ("xl/", f"{_OFFICE}.spreadsheetml.sheet"),
    ("ppt/", f"{_OFFICE}.presentationml.presentation"),
)
# Markup that would run, if anything ever showed the file as a page.
_ACTIVE: Final = re.compile(rb"(?i)<(?:script|html|!doctype\s+html|iframe|svg[\s>]|\?php|body[\s>])")
_MARKUP: Final = re.compile(rb"(?is)\s*(?:<\?xml|<!doctype|<!--|<(?:html|svg|head|body|script|iframe|x?hta)\b)")
# Control characters that no text has; NUL among them.
_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")


def kind_of(content: bytes) -> Found:
    """Return the kind of a file. Raises `BadFile` for an empty, running, packed, disguised or unknown one."""
    if not content:
        raise BadFile("empty")
    text = _text(content)
    if text:
        return Found(text)
    if content.startswith(_EXECUTABLE):
        raise BadFile("executable")
    if content.startswith(_ARCHIVE) or content[257:262] == b"ustar":
        raise BadFile("archive")
    for read in _READERS:
        if found := read(content):
            return _checked(content, found)
    raise BadFile("unknown")


def _checked(content: bytes, content_type: str) -> Found:
    """Refuse a picture, sound or document that is something else as well; read a picture's size."""
    kind = KINDS[content_type]
    if kind.family == "document":
        return Found(content_type)
    if kind.family == "image" and _ACTIVE.search(content):
        raise BadFile("disguised")
    if b"PK\x05\x06" in content[-TAIL:]:
        raise BadFile("disguised")
    if kind.family != "image":
        return Found(content_type)
    width, height = dimensions_of(content, content_type)
    if width * height > PIXELS:
        raise BadFile("too_many_pixels")
    return Found(content_type, width, height)


def _by_start(content: bytes) -> str:
    return next((content_type for start, content_type in _START if content.startswith(start)), "")


def _riff(content: bytes) -> str:
    if not content.startswith(b"RIFF"):
        return ""
    return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(content[8:12], "")


def _iso_media(content: bytes) -> str:
    if content[4:8] != b"ftyp":
        return ""
    brand = content[8:12]
    if brand.startswith(b"3g"):
        return "video/3gpp"
    if brand in (b"M4A ", b"M4B "):
        return "audio/mp4"
    known = (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV", b"dash", b"mmp4")
    return "video/mp4" if brand in known else ""


def _raw_audio(content: bytes) -> str:
    if content.startswith(_AAC):
        return "audio/aac"
    return "audio/mpeg" if content.startswith(_MP3) else ""


def _ole(content: bytes) -> str:
    """Return the kind of an old Office file; an installer or one with macros is a program."""
    if not content.startswith(_OLE):
        return ""
    if any(name.encode("utf-16-le") in content for name in ("_VBA_PROJECT", "_VBA_PROJECT_CUR", "Macros")):
        raise BadFile("executable")
    for name, content_type in _OLE_KINDS:
        # A name in the directory of the file is followed by its own end.
        if (name + "\0").encode("utf-16-le") in content:
            return content_type
    raise BadFile("executable")


def _zipped(content: bytes) -> str:
    """Return the kind of a packed Office document; every other packed file is an archive."""
    if not content.startswith(b"PK\x03\x04"):
        return ""
    end = content.rfind(b"PK\x05\x06", max(0, len(content) - TAIL))
    if end < 0 or len(content) < end + 22:
        raise BadFile("damaged")
    entries, size = struct.unpack_from("<HI", content, end + 10)
    if end >= 76 and content.startswith(b"PK\x06\x07", end - 20):  # of a large file: these figures count
        entries, size = struct.unpack_from("<QQ", content, end - 44)
    if entries > ENTRIES or size > ENTRIES * LONGEST_ENTRY:  # before the list is read: its count may be a lie
        raise BadFile("archive")
    try:
        with ZipFile(BytesIO(content)) as packed:
            parts = packed.infolist()
            names = {part.filename for part in parts}
            if len(parts) > ENTRIES or sum(part.file_size for part in parts) > UNPACKED:
                raise BadFile("archive")
            # Macros, and programs for Java or Android.
            lower = {name.lower() for name in names}
            is_java = "meta-inf/manifest.mf" in lower and any(name.endswith(".class") for name in lower)
            if is_java or "classes.dex" in lower or any(name.endswith("vbaproject.bin") for name in lower):
                raise BadFile("executable")
            if "[Content_Types].xml" in names:
                found = next((type_ for folder, type_ in _OOXML if any(name.startswith(folder) for name in names)), "")
            else:
                found = _open_document(packed, names)
    except (BadZipFile, NotImplementedError, OSError, RuntimeError, ValueError, struct.error) as problem:
        raise BadFile("damaged") from problem
    if not found:
        raise BadFile("archive")
    return found


def _open_document(packed: ZipFile, names: set[str]) -> str:
    if "mimetype" not in names or packed.getinfo("mimetype").file_size > 100:
        return ""
    content_type = packed.read("mimetype").decode("ascii", "replace").strip()
    is_ours = content_type.startswith("application/vnd.oasis.opendocument.") and content_type in KINDS
    return content_type if is_ours and not any(name.startswith("Basic/") for name in names) else ""


def _text(content: bytes) -> str:
    """Return the kind of a text in UTF-8 or UTF-16, or ""; scripts and markup that a browser would run are refused."""
    if content.startswith(_TEXTUAL):
        return ""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return ""
    if _NO_TEXT.search(text):
        return ""
    start = text[:LOOKED_AT].encode()
    if _MARKUP.match(start) or _ACTIVE.search(start):
        raise BadFile("markup")
    if text.startswith("#!"):
        raise BadFile("executable")
    return "text/vcard" if text.lstrip()[:11].upper() == "BEGIN:VCARD" else "text/plain"


_READERS: Final[tuple[Callable[[bytes], str], ...]] = (_by_start, _riff, _iso_media, _ole, _zipped, _raw_audio)

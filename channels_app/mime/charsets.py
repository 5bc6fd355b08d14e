"""Decode bytes of a declared charset; a false or missing one never loses a text."""

import codecs
import re
from typing import Final

# Python knows more codecs than mail has charsets; some of those (punycode) take minutes on a hostile text.
_KNOWN: Final = re.compile(
    r"ascii|utf-8(-sig)?|utf-7|utf-(16|32)(-[bl]e)?|iso(8859|2022)[-_].+|cp\d{3,5}|koi8-[rtu]|gb2312|gbk|gb18030|hz"
    r"|big5(hkscs)?|shift_jis(x0213|_2004)?|euc_(jp|kr|jis_2004|jisx0213)|johab|mac-.+|tis-620|ptcp154"
)
_LINE_ENDS: Final = re.compile(r"[\x0b\x0c\x85]")
_CONTROL: Final = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]|[\x00-\x08\x0e-\x1f\x7f-\x9f]")


def decode(content: bytes, charset: str) -> str:
    """Return the text: by its charset, else as UTF-8, else as Windows-1252 without what that lacks."""
    for name in (_codec(charset), "utf-8"):
        if name:
            try:
                return whole(content.decode(name))
            except (UnicodeError, LookupError):
                continue
    return content.decode("cp1252", "ignore")


def without_controls(text: str) -> str:
    """Return a text without the characters and sequences that steer a terminal; those that end a line end it."""
    return _CONTROL.sub("", _LINE_ENDS.sub("\n", text))


def whole(text: str) -> str:
    """Replace lone surrogates by "?": UTF-7 can encode them, UTF-8 can't."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _codec(charset: str) -> str:
    """Return Python's name of a mail charset, or "" if it isn't one."""
    try:
        name = codecs.lookup(charset.strip().strip("\"'")[:40]).name
    except (LookupError, ValueError):
        return ""
    return name if _KNOWN.fullmatch(name) else ""

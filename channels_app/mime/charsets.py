"""Decode bytes of a declared charset; a false or missing one never loses a text."""

import codecs
import re
from typing import Final

# Python knows more codecs than mail has charsets; some of those (punycode) take minutes on a hostile text.
_KNOWN: Final = re.compile(
    r"ascii|utf-8(-sig)?|utf-7|utf-(16|32)(-[bl]e)?|iso(8859|2022)[-_].+|cp\d{3,5}|koi8-[rtu]|gb2312|gbk|gb18030|hz"
    r"|big5(hkscs)?|shift_jis(x0213|_2004)?|euc_(jp|kr|jis_2004|jisx0213)|johab|mac-.+|tis-620|ptcp154"
)


def decode(content: bytes, charset: str) -> str:
    """Return the text: by its charset, else as UTF-8, else as Windows-1252 with marks for what it lacks."""
    for name in (_codec(charset), "utf-8"):
        if name:
            try:
                return whole(content.decode(name))
            except (UnicodeError, LookupError):
                continue
    return content.decode("cp1252", "replace")


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

"""Links in the text of an answer (pure)."""

import re
from collections.abc import Collection
from typing import Final

NO_LINK: Final = "[link removed]"
_TOP: Final = (
    "com|net|org|io|co|de|fr|at|ch|uk|eu|us|info|biz|app|dev|ru|cn|xyz|top|link|click|example|shop|site|online|me|ai|ly|"
    "tk|ga|gq|icu|cc|tv|gg|pw|nl|pl|dk|cz|su|ws|br|jp|nz|рф|zip"
)
_REST: Final = r"/[^\s<>\"“”]"
_LABEL: Final = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
# Each part is bounded or possessive: the text is a stranger's, and has to be read in linear time.
_LINK: Final = re.compile(
    r"\[(?P<label>[^\]\[\n]*+)\]\((?P<target>[^)\s]{0,1000}+)[^)]{0,300}+\)"
    r"|<?\b(?:[a-z][a-z0-9+.-]{1,15}://|www\.)[^\s<>\"“”]+>?"
    r"|\b(?:mailto|javascript|data|tel|sms|whatsapp|intent):[^\s<>]+"
    rf"|(?<![^\W_])(?<!@)(?<!••)(?<![^\W_][.-])(?:{_LABEL}\.)+"
    rf"(?:(?:{_TOP})\b(?::\d+)?(?:{_REST}*)?|[^\W\d_]{{2,24}}(?::\d+)?{_REST}+)"
    rf"|(?<![^\W_])(?:\d{{1,3}}\.){{3}}\d{{1,3}}(?::\d+)?{_REST}+",
    re.IGNORECASE,
)  # fmt: skip
_MARKUP: Final = re.compile(
    r"</?(?:a|img|script|iframe|form|input|style|link|svg|object|embed)\b[^<>]*+>", re.IGNORECASE
)
_MOST_PASSES: Final = 5


def has_link(text: str) -> bool:
    """Return True if there is anything in the text that a reader could follow."""
    return _LINK.search(text) is not None


def without_links(text: str, ours: Collection[str]) -> str:
    """Return a text without markup and without links, except the addresses that are `ours`."""

    def kept(match: re.Match[str]) -> str:
        found = match.group()
        target = match["target"] if match["target"] is not None else found
        ends = ".,;:!?" if "(" in found else ".,;:!?)"
        address = target.strip("<>").rstrip(ends)
        is_ours = address in ours or address.rstrip("/") in ours
        if match["target"] is None:
            return found if is_ours else f"{NO_LINK}{found[len(found.rstrip(ends)) :]}"
        label = _LINK.sub(kept, match["label"])  # read as well: many channels show it as it is
        return f"[{label}]({address})" if is_ours else f"{label} {NO_LINK}".lstrip()

    for _ in range(_MOST_PASSES):  # first: what stands around markup may be a link without it
        if (bare := _MARKUP.sub("", text)) == text:
            break
        text = bare
    return _LINK.sub(kept, text)

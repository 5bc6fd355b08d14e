"""Links and mail addresses in the text of an answer (pure)."""

import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Final

from publicsuffixlist import PublicSuffixList

from core.text.speech import gettext, gettext_noop

NO_LINK: Final = gettext_noop("[link removed]")
_DOT: Final = "[.。．｡․﹒]"
"""What software reads as a dot between the parts of a host."""
_SIGNS: Final = "\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
"""Emoji, of which a host may consist."""
_MARKS: Final = "".join(letter for letter in map(chr, range(0x300, 0x1F000)) if unicodedata.category(letter)[0] == "M")
"""What stands on or around another letter: Hindi and Thai can't be written without."""
_IN: Final = rf"\w{_MARKS}{_SIGNS}-"
_HOST: Final = rf"(?-i:(?:[{_IN}]++{_DOT})+[^\W_]++(?:[{_MARKS}-]++[^\W_]*+)*+)"
_MORE: Final = r"(?::\d{1,5})?(?:[/?#／][^\s<>\"“”]+|/)?"
# A host begins where nothing of one stands before. Signs and underscores before it are none of it, unless it has
# nothing else before its first dot; masked digits that end a sentence are no host ("••12.Then").
_BEFORE: Final = (
    rf"(?<![{_IN}])(?<![{_IN}]{_DOT})"
    rf"(?P<before>[_{_MARKS}{_SIGNS}-]*+(?=[^\W_])|[_{_MARKS}-]*+(?=[{_SIGNS}])|)"
    rf"(?:(?<!••)|(?!(?-i:(?:\d++{_DOT})++[A-Z][a-z]*+(?!{_DOT}?+[{_IN}/?#:]))))"
)
# Each part is bounded or possessive: the text is a stranger's, and has to be read in linear time.
_LINK: Final = re.compile(
    r"\[(?P<label>[^\]\[\n]*+)\]\((?P<target>[^)\s]{0,1000}+)[^)]{0,300}+\)"
    r"|<?\b(?:[a-z][a-z0-9+.-]{1,15}://|www\.)[^\s<>\"“”]+>?"
    r"|\b(?:mailto|javascript|data|tel|sms|whatsapp|intent):[^\s<>]+"
    rf"|(?P<mail>(?<![\w.+%'-])[\w.+%'-]++[@＠﹫]{_HOST})"
    r"|(?<![^\W_])(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?[/?#][^\s<>\"“”]+"
    rf"|{_BEFORE}(?P<host>{_HOST})(?P<more>{_MORE})",
    re.IGNORECASE,
)  # fmt: skip
_MARKUP: Final = re.compile(
    r"</?(?:a|img|script|iframe|form|input|style|link|svg|object|embed)\b[^<>]*+>", re.IGNORECASE
)
_MOST_PASSES: Final = 5
_FILE: Final = re.compile(
    r"(?:readme|changelog|contributing|license|security|index|main|setup|manage|install|start|run|test)"
    r"\.(?:md|py|sh|rs|pl)",
    re.IGNORECASE,
)
"""Names of files that everybody knows, whose endings are those of countries."""
_NEW_SENTENCE: Final = re.compile(rf"(?:[^\W\d_]|[{_MARKS}{_SIGNS}])++{_DOT}(?=[A-Z][a-z]+\Z)")
"""A sentence's last word, without the space before the next one ("done.Next")."""
_BEFORE_SIGN: Final = re.compile(rf"[^\W_]+(?=[_{_SIGNS}-])")
_BEFORE_OTHER_SCRIPT: Final = re.compile(r"[a-z0-9]+(?=[^\u0000-\u024f])", re.IGNORECASE)


def has_link(text: str) -> bool:
    """Return True if there is anything in the text that a reader could follow."""
    return next(_found_in(text), None) is not None


def without_links(text: str, ours: Collection[str]) -> str:
    """Return a text without markup, links and mail addresses, except those that are `ours`.

    A space that was forgotten between sentences is put in where both together read as a host.
    """

    def kept(match: re.Match[str]) -> str:
        before, found, rest = _parts_of(match)
        if not found:
            return match.group()
        if match["host"] == found and (word := _NEW_SENTENCE.match(found)) and not rest:
            return f"{before}{word.group()} {found[word.end() :]}"
        target = match["target"] if match["target"] is not None else found
        ends = ".,;:!?" if "(" in found else ".,;:!?)"
        address = target.strip("<>").rstrip(ends)
        is_ours = not {address, address.rstrip("/"), _plain(address)}.isdisjoint(ours)
        if match["target"] is None:
            link = found if is_ours else f"{gettext(NO_LINK)}{found[len(found.rstrip(ends)) :]}"
            return f"{before}{link}{rest}"
        label = _LINK.sub(kept, match["label"])  # read as well: many channels show it as it is
        return f"[{label}]({address})" if is_ours else f"{label} {gettext(NO_LINK)}".lstrip()

    for _ in range(_MOST_PASSES):  # first: what stands around markup may be a link without it
        if (bare := _MARKUP.sub("", text)) == text:
            break
        text = bare
    return _LINK.sub(kept, text)


@lru_cache(maxsize=64)
def addresses_in(text: str) -> frozenset[str]:
    """Return the links and mail addresses that the organisation's own words name."""
    named = (found.strip("<>").rstrip(".,;:!?)") for found in _found_in(text))
    return frozenset(each for address in named for each in (address, _plain(address)))


def _found_in(text: str) -> Iterator[str]:
    return (found for match in _LINK.finditer(text) if (found := _parts_of(match)[1]))


def _plain(address: str) -> str:
    return unicodedata.normalize("NFKC", address).casefold() if "@" in address or "＠" in address else address


def _parts_of(match: re.Match[str]) -> tuple[str, str, str]:
    """Return what stands before a link, the link and what stands after it; "" as the link if it only looks like one."""
    whole, before, host = match.group(), match["before"] or "", match["host"]
    if host is None:
        return "", whole, ""
    if _FILE.fullmatch(host) and not match["more"]:
        return before, "", whole
    *_, last = parts = list(re.finditer(rf"[^{_DOT[1:]}+", host))
    if _ending_in(last.group()) == len(last.group()):
        end = len(host + match["more"])
    elif "/" in match["more"] and match["more"][0] in "/:" and re.fullmatch(r"[^\W\d_]{2,24}", last.group()):
        end = len(host + match["more"])  # by any ending: nothing else has a path
    else:
        ends = (part.start() + size for part in reversed(parts[1:]) if (size := _ending_in(part.group())))
        end = next(ends, 0)
    return before, whole[len(before) :][:end], whole[len(before) + end :]


def _ending_in(part: str) -> int:
    """Return how long the ending is that a part of a host is, or begins with before a sign or another script."""
    if _is_ending(part):
        return len(part)
    found = (pattern.match(part) for pattern in (_BEFORE_SIGN, _BEFORE_OTHER_SCRIPT))
    return next((one.end() for one in found if one and _is_ending(one.group())), 0)


@lru_cache(maxsize=4096)
def _is_ending(word: str) -> bool:
    ending = unicodedata.normalize("NFKC", word).casefold()
    return ending == "example" or _endings().publicsuffix(f"x.{ending}") is not None


@lru_cache(maxsize=1)
def _endings() -> PublicSuffixList:
    """Return the endings there are, read once by a process that meets a host: it takes a third of a second."""
    return PublicSuffixList(only_icann=True, accept_unknown=False)

"""Rules for email addresses, the personal parts of URLs, IPv4 and IPv6."""

import ipaddress
import re
from collections.abc import Iterator

from core.privacy.pii.kinds import Kind

Span = tuple[int, int, Kind]

MASKED = "•••"
_MOST_LETTERS = 40
_LOCAL_BACKWARDS = re.compile(r"[\w.!#$%&'*+=^`{|}~-]{1,64}+")
_AT = re.compile(
    r"\s{0,2}[(\[{]\s?(?:at|@|arroba)\s?[)\]}]\s{0,2}|\s{1,2}(?:at|arroba)\s{1,2}|\s{1,2}@\s{0,2}|@\s{0,2}",
    re.IGNORECASE,
)
_LABELS = re.compile(r"[^\W_][\w-]{0,62}(?:\.[^\W_][\w-]{0,62}){1,8}")
_SPELLED_DOT = r"(?:\s{0,2}[(\[{]\s?(?:dot|punto|\.)\s?[)\]}]\s{0,2}|\s{1,2}(?:dot|punto|\.)\s{1,2})"
_SPELLED_LABELS = re.compile(
    rf"[^\W_][\w-]{{0,62}}(?:(?:\.|{_SPELLED_DOT})[^\W_][\w-]{{0,62}}){{0,4}}?"
    rf"{_SPELLED_DOT}[^\W\d_]{{2,24}}(?:\.[^\W\d_]{{2,24}})?",
    re.IGNORECASE,
)
_SPELLED_BEFORE = re.compile(rf"(?:[\w+-]{{1,64}}{_SPELLED_DOT}){{1,3}}$", re.IGNORECASE)
# Letter by letter, with a space between two of them.
_SPACED = re.compile(r"(?<![^\s<(\[])(?:[\w.+-] ){2,40}@(?: [\w.-]){2,60} \.(?: [^\W\d_]){2,11}(?!\w)")
# A comma for the dot, only before what is surely the end of an address.
_COMMA = re.compile(
    r"[^\W_][\w-]{0,62}(?:\.[^\W_][\w-]{0,62}){0,3}"
    r"(?:,(?:com|net|org|info|example|test|io|eu|co[.,]uk|com[.,](?:br|mx|ar|au)|es|de|fr|it|pt|nl|ch|at|be|uk|us|br|mx|ie)"
    r"|\s{0,2},\s{0,2}(?:com|net|org))(?![\w-]|\s?[@(])",
    re.IGNORECASE,
)
_TOP_LEVEL = re.compile(r"[^\W\d_][\w-]+")
_FILE_ENDINGS = frozenset({"png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "ico"})

_URL = re.compile(r"(?:://|\bwww\.)([^\s<>\"]+)")
_URL_TAIL = ".,;:!?)]}'"
_AUTHORITY_END = re.compile(r"[/?#]")

_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)")
_IPV6 = re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F]{0,4})(?!\w|:\S)")
_NUMBERED_THING = re.compile(
    r"(?:\bv|\bver|version|release|build|firmware|section|chapter|clause|article|step|§)[.:]?\s{0,2}$",
    re.IGNORECASE,
)


def find_emails(text: str) -> Iterator[Span]:
    """Yield email addresses, also in obfuscated forms. These are "(at)", " at ... dot ..." and spaces around the @."""
    if "@" not in text and " at " not in text.lower() and not re.search(r"[(\[{]\s?at|arroba", text, re.IGNORECASE):
        return
    for match in _SPACED.finditer(text) if " @ " in text else ():
        yield *match.span(), "email"
    for sign in _AT.finditer(text):
        start, end = sign.span()
        local = _LOCAL_BACKWARDS.match(text[max(0, start - 64) : start][::-1])
        if local is None:
            continue
        stop = _domain_end(text, end, spelled="@" not in sign[0] and sign[0].strip().isalpha())
        if stop is not None:
            begin = start - len(local[0].rstrip(".'"))
            if start - begin == 1:
                begin = _first_letter(text, begin)
            spelled = _SPELLED_BEFORE.search(text, max(0, begin - 80), begin)
            yield begin if spelled is None else spelled.start(), stop, "email"


def _first_letter(text: str, place: int) -> int:
    """Return where letters begin that stand one by one before a place."""
    for _ in range(_MOST_LETTERS):
        stands_alone = place < 3 or text[place - 3] in " \t\n<(["
        if not (place > 1 and text[place - 1] == " " and _LOCAL_BACKWARDS.match(text[place - 2]) and stands_alone):
            break
        place -= 2
    return place


def _domain_end(text: str, start: int, *, spelled: bool) -> int | None:
    """Return the end of a domain that begins at ``start``; ``spelled`` requires a written-out dot."""
    spelled_labels = _SPELLED_LABELS.match(text, start)
    if spelled_labels is not None:
        return spelled_labels.end()
    labels = None if spelled else _LABELS.match(text, start)
    if labels is None:
        comma = None if spelled else _COMMA.match(text, start)
        return None if comma is None else comma.end()
    parts = labels[0].split(".")
    while len(parts) > 1 and not _TOP_LEVEL.fullmatch(parts[-1].rstrip("-_")):
        parts.pop()
    if len(parts) < 2 or parts[-1].lower() in _FILE_ENDINGS:
        return None
    return start + len(".".join(parts))


def find_url_parts(text: str) -> Iterator[Span]:
    """Yield what is personal in URLs: user and password, query and fragment."""
    if "://" not in text and "www." not in text:
        return
    for address in _URL.finditer(text):
        start, end = address.span(1)
        end = start + len(address[1].rstrip(_URL_TAIL))
        cut = _AUTHORITY_END.search(text, start, end)
        at = text.rfind("@", start, cut.start() if cut else end)
        if at > start and text[start:at] != MASKED:
            yield start, at, "url"
        query = text.find("?", start, end)
        if query == -1 and cut and "=" in text[cut.start() : end]:
            query = text.find("#", start, end)
        if query != -1 and text[query + 1 : end] not in ("", MASKED):
            yield query + 1, end, "url"


def find_ips(text: str) -> Iterator[Span]:
    """Yield IPv4 and IPv6 addresses, but neither loopback nor version and section numbers."""
    if text.count(".") >= 3:
        for match in _IPV4.finditer(text):
            before = text[max(0, match.start() - 12) : match.start()]
            parts = [int(part) for part in match[0].split(".")]
            is_personal = max(parts) <= 255 and parts[0] not in (0, 127)
            if is_personal and not _NUMBERED_THING.search(before):
                yield *match.span(), "ip"
    if text.count(":") >= 2:
        for match in _IPV6.finditer(text):
            if _is_personal_ipv6(match[0]):
                yield *match.span(), "ip"


def _is_personal_ipv6(written: str) -> bool:
    if not any(sign.isdigit() for sign in written):
        return False  # "dead::beef" is as likely a name in code
    try:
        address = ipaddress.IPv6Address(written)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)

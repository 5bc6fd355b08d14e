"""Walk over one site's pages: one host, few and small pages, what robots may read, no private address."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, Final, Self
from urllib.parse import urldefrag, urljoin, urlsplit

from django.conf import settings

from agents.knowledge.services import ADDRESS_LIMIT, TEXT_LIMIT, address_problem
from agents.knowledge.sources.robots import Rules, read_rules
from agents.knowledge.sources.uploads import read_file
from core.http import OutgoingHttp, Patience, Reply

MOST_PAGES: Final = 200
MOST_SEEN: Final = 2000
DEEPEST: Final = 8
"""Links from the start."""
LARGEST: Final = 5 * 1024 * 1024
LARGEST_SITE: Final = 50 * 1024 * 1024
LONGEST: Final = timedelta(minutes=30)
"""For a whole site; what was read until then is kept."""
PATIENCE: Final = Patience(connect=5.0, read=10.0, total=20.0, max_bytes=LARGEST)
MOST_REDIRECTS: Final = 4
AGENT: Final = "WalkerBot"
HEADERS: Final = {"User-Agent": f"Mozilla/5.0 (compatible; {AGENT}/1.0)", "Accept": "text/html,application/xhtml+xml"}
NO_PAGES: Final = frozenset(
    ".7z .avi .css .csv .doc .docx .eot .exe .gif .gz .ico .iso .jpeg .jpg .js .json .mov .mp3 .mp4 .ods .odt .otf "
    ".pdf .png .ppt .pptx .rar .rss .svg .tar .tgz .tif .tiff .ttf .txt .wav .webm .webp .woff .woff2 .xls .xlsx .xml "
    ".zip".split()
)
"""Endings of links that lead to no page."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was read, with the address at which it was."""

    address: str
    title: str
    text: str
    language: str = ""
    links: tuple[str, ...] = ()
    size: int = 0


@dataclass(frozen=True, slots=True)
class Unread:
    """A page that wasn't read, and why; it is gone if waiting would not bring it back."""

    address: str
    code: str
    is_gone: bool = False


@dataclass(slots=True)
class Walk:
    """How far a walk over a site is; kept as JSON between its slices."""

    start: str
    until: str
    waiting: list[tuple[str, int]] = field(default_factory=list)
    seen: dict[str, None] = field(default_factory=dict)
    read: dict[str, None] = field(default_factory=dict)
    size: int = 0
    changed: int = 0
    gone: int = 0
    is_whole: bool = True
    trouble: str = ""

    @classmethod
    def begin(cls, start: str, at: datetime) -> Self:
        """Return a walk that has not made its first step."""
        return cls(start, (at + LONGEST).isoformat(), [(start, 0)], {start: None})

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Self:
        """Return the walk that was kept."""
        places = {"waiting": [(address, depth) for address, depth in kept["waiting"]]}
        sets = {name: dict.fromkeys(kept[name]) for name in ("seen", "read")}
        return cls(**(kept | places | sets))

    def keep(self) -> dict[str, Any]:
        """Return the walk as JSON."""
        facts = {name: getattr(self, name) for name in self.__slots__}
        return facts | {name: list(facts[name]) for name in ("waiting", "seen", "read")}

    def go(self, http: OutgoingHttp, *, at: datetime, seconds: float) -> Iterator[Page | Unread]:
        """Read pages breadth first until the time of the slice is over; yield each page, and those that are gone."""
        rules = fetch_rules(http, self.start)
        if isinstance(rules, Unread):
            self._end(rules.code)
            return
        if at > datetime.fromisoformat(self.until):
            self._end()
        until = time.monotonic() + seconds
        while self.waiting:
            if len(self.read) >= MOST_PAGES or self.size > LARGEST_SITE:
                self._end()
                return
            address, depth = self.waiting.pop(0)
            found = fetch_page(http, self.start, address, rules)
            if isinstance(found, Unread):
                if found.address == self.start:
                    self.trouble = found.code
                self.is_whole = self.is_whole and found.is_gone
                if found.is_gone and address != self.start:
                    yield found
            elif found.address not in self.read:
                self._note(found, depth)
                yield found
            if time.monotonic() >= until:
                return
            if rules.delay and self.waiting:
                time.sleep(rules.delay)

    def _note(self, page: Page, depth: int) -> None:
        self.read[page.address] = self.seen[page.address] = None
        self.size += page.size
        for link in page.links:
            address = normalised(link, page.address)
            if not address or address in self.seen or not is_on_site(self.start, address):
                continue
            if PurePosixPath(urlsplit(address).path).suffix.lower() in NO_PAGES:
                continue
            if depth == DEEPEST or len(self.seen) >= MOST_SEEN:
                self.is_whole = False
                return
            self.seen[address] = None
            self.waiting.append((address, depth + 1))

    def _end(self, trouble: str = "") -> None:
        """Go no further: what was not seen may still be there."""
        self.waiting, self.is_whole = [], False
        self.trouble = trouble if not self.read else self.trouble


def open_client(start: str) -> OutgoingHttp:
    """Return a client that reaches public addresses only, and hosts that the operator has named."""
    return OutgoingHttp(
        start, headers=HEADERS, patience=PATIENCE, private_hosts=settings.SITE_PRIVATE_HOSTS, provider="site"
    )


def fetch_rules(http: OutgoingHttp, start: str) -> Rules | Unread:
    """Return what robots.txt allows: everything if there is none, nothing while the site can't say."""
    answer = _follow(http, start, urljoin(start, "/robots.txt"), Rules())
    if isinstance(answer, Unread):
        return Rules() if answer.code in ("elsewhere", "redirects") else answer
    if answer[1].status == 200:
        return read_rules(answer[1].body, AGENT)
    return Unread(start, "site_error") if answer[1].status >= 500 or answer[1].status == 429 else Rules()


def fetch_page(http: OutgoingHttp, start: str, address: str, rules: Rules) -> Page | Unread:
    """Return a page of the site with its visible text, title and links; redirects are followed on the site only."""
    reached = _follow(http, start, address, rules)
    if isinstance(reached, Unread):
        return reached
    at, answer = reached
    kind, _, rest = str(answer.headers.get("content-type", "")).lower().partition(";")
    if answer.status in (404, 410):
        return Unread(address, "missing", is_gone=True)
    if answer.status in (401, 403):
        return Unread(address, "forbidden", is_gone=True)
    if answer.status != 200:
        return Unread(address, "site_error")
    if kind.strip() not in ("text/html", "application/xhtml+xml"):
        return Unread(address, "no_page", is_gone=True)
    found = read_file("html", _as_utf8(answer.body, rest.partition("charset=")[2]))
    if "error" in found:
        return Unread(address, "no_text", is_gone=found["error"] == "no_text")
    told = {word.strip() for word in str(found["robots"]).lower().split(",")}
    if told & {"noindex", "none"}:
        return Unread(address, "robots", is_gone=True)
    base = normalised(str(found["base"]), at) or at
    links = [] if "nofollow" in told else found["links"]
    joined = tuple(link for each in links if (link := normalised(each, base)))
    return Page(at, found["title"] or at, found["text"][:TEXT_LIMIT], found["language"], joined, len(answer.body))


def _follow(http: OutgoingHttp, start: str, address: str, rules: Rules) -> tuple[str, Reply] | Unread:
    """Return where an address leads on the site and what is there."""
    at = address
    for _ in range(MOST_REDIRECTS):
        parts = urlsplit(at)
        if not rules.allow(parts.path + (f"?{parts.query}" if parts.query else "")):
            return Unread(address, "robots", is_gone=True)
        answer = http.request("GET", at)
        if not isinstance(answer, Reply):
            codes = {"egress_refused": "private_address", "answer_too_large": "too_large", "answer_packed": "packed"}
            code = codes.get(answer.code, "not_reachable")
            return Unread(address, code, is_gone=code == "too_large")
        if answer.status not in (301, 302, 303, 307, 308):
            return at, answer
        at = normalised(str(answer.headers.get("location", "")), at)
        if not at or not is_on_site(start, at):
            return Unread(address, "elsewhere", is_gone=True)
    return Unread(address, "redirects", is_gone=True)


def _as_utf8(body: bytes, charset: str) -> bytes:
    """Return a page in UTF-8 if its server says that it is in another encoding; else the page says so itself."""
    name = charset.strip(" \"'")
    try:
        return body if name in ("", "utf-8", "utf8") else body.decode(name, "replace").encode("utf-8", "replace")
    except (LookupError, UnicodeError):
        return body


def normalised(link: str, base: str = "") -> str:
    """Return a link as an absolute address without its fragment, "" for one that isn't of the web."""
    try:
        address = urldefrag(urljoin(base, link.strip().replace(" ", "%20"))).url
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return ""
    if not address or len(address) > ADDRESS_LIMIT or address_problem(address):
        return ""
    is_usual = port in (None, 443 if parts.scheme == "https" else 80)
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    return parts._replace(netloc=f"{host}" if is_usual else f"{host}:{port}", path=parts.path or "/").geturl()


def is_on_site(start: str, address: str) -> bool:
    """Return True for an address with the host and port of the site; the encrypted side of it counts as well."""
    here, there = urlsplit(start), urlsplit(address)
    if (here.scheme, here.netloc) == (there.scheme, there.netloc):
        return True
    return (here.scheme, there.scheme) == ("http", "https") and here.netloc == there.netloc and here.port is None

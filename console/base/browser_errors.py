"""Errors of our scripts in browsers: the door that pages of ours report them to, and what is kept of them."""

import json
import re
from functools import cache
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from redis import RedisError

from accounts.services import client_address
from core.errors import Invalid, Refused, TooLarge, TooMany, WalkerError
from core.observability.errors import receiver
from core.observability.errors.events import Fault
from core.observability.logging import Link, Place, get_logger
from core.reliability.rate_limit import MINUTE, count_up, in_this_minute

log = get_logger(__name__)

LONGEST: Final = 2048
"""Bytes of a report."""
OF_ONE: Final = 10
"""Reports of one session, or of one address, in a minute."""
OF_ALL: Final = 300
"""Reports of all browsers together in a minute."""
WIDGET: Final = "widget/walker.js"
_SCRIPT: Final = re.compile(r"(?P<name>[a-z_]+/[a-z_]+)(?:\.[0-9a-f]{12})?\.js")
_NAME: Final = re.compile(r"[A-Z][A-Za-z]{2,39}")
_WORD: Final = re.compile(r"\w+")
# Browsers write ASCII. Other characters end lines, turn text round or are half of one: they reach no log, no receiver.
_HIDDEN: Final = re.compile(r"\w+|[^ -~]+")
_MOST: Final = 10_000_000
_SAYS: Final = frozenset(
    "a access an and argument arguments array assignment at await be before call called can cannot class const "
    "constructor convert declaration defined depth empty end error exceeded execute expected expression fail failed "
    "failure fetch find for found from function get has have identifier in initialization initialize input instance "
    "into invalid is it iterable iterator json length list load maximum missing more must network node not null number "
    "object of on only operation or out parameter parse permission private promise properties property quota range "
    "read reading redeclare reduce reference regular required resource response set setting size stack storage string "
    "supported symbol syntax t target that the this to token type undefined unexpected unterminated use user valid "
    "value variable was while with".split()
)
"""Words of browsers' own messages."""


@csrf_exempt  # a visitor's page has no token; the browser itself says which page asks
@require_POST
def take_report(request: HttpRequest) -> HttpResponse:
    """Take what a script of ours reports: its file, a line, a column, the error's name and its masked message."""
    try:
        fault = read_report(request)
    except WalkerError as problem:
        again = {"Retry-After": str(MINUTE)} if isinstance(problem, TooMany) else {}
        return HttpResponse(f"{problem.detail}\n", status=problem.status, content_type="text/plain", headers=again)
    if receiver.report(fault):
        link = fault.links[0]
        place = link.places[0]
        log.info("browser_error", file=place.file, line=place.line, type=link.type, said=link.said, **fault.facts)
    return HttpResponse(status=204)


def read_report(request: HttpRequest) -> Fault:
    """Return what is reported. Raises `Refused`, `TooLarge`, `TooMany` and `Invalid`, before it reads the body."""
    if not is_our_page(request):
        raise Refused("Only pages of this installation report errors here.")
    length = str(request.META.get("CONTENT_LENGTH") or "")
    if not (length.isascii() and length.isdigit() and len(length) <= 8 and int(length) <= LONGEST):
        raise TooLarge(f"A report has at most {LONGEST} bytes.")
    count_report(request)
    try:
        given = json.loads(request.body)
        file, line, column, name, said = (given[key] for key in ("file", "line", "column", "name", "message"))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Invalid("A report has file, line, column, name and message.") from None
    if not all(type(number) is int and 0 <= number <= _MOST for number in (line, column)):
        raise Invalid("Lines and columns are numbers.")
    script = script_of(file)
    if not script or not isinstance(name, str) or not isinstance(said, str):
        raise Invalid("Only scripts of Walker are reported.")
    type_name = name if _NAME.fullmatch(name) else "Error"
    link = Link("", type_name, mask(said, script), [Place(script, line, "", "")])
    # The line tells one error of a script from another: there is no function's name.
    return Fault(
        "application", f"{type_name} in {script}:{line}", "browser", [link], {"column": column},
        process="browser", platform="javascript",
    )  # fmt: skip


def is_our_page(request: HttpRequest) -> bool:
    """Tell whether the browser says that a page of ours asks; what says nothing is no browser of today."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    # Not by `urlsplit`, which raises for brackets that aren't closed.
    scheme, _, host = request.headers.get("Origin", "").partition("://")
    return bool(scheme and host) and host in {request.get_host(), urlsplit(settings.PUBLIC_URL).netloc}


def count_report(request: HttpRequest) -> None:
    """Count a report against each limit. Raises `TooMany`, also while Redis is away: a report is not worth the load."""
    limits = [("all", OF_ALL), (f"address:{client_address(request)}", OF_ONE)]
    session = request.session.session_key
    if session:
        limits.append((f"session:{session}", OF_ONE))
    try:
        for who, most in reversed(limits):
            hidden = salted_hmac("walker.browser_errors", who).hexdigest()
            if count_up(in_this_minute(f"browser-errors:{hidden}"), seconds=2 * MINUTE) > most:
                raise TooMany("Too many reports. Try again in a minute.")
    except RedisError:
        raise TooMany("Reports are not taken at the moment.") from None


def script_of(path: object) -> str:
    """Return which script of ours lies at a path, "" if none does."""
    if path == reverse("widget_script"):
        return WIDGET
    found = _SCRIPT.fullmatch(path.removeprefix(str(settings.STATIC_URL))) if isinstance(path, str) else None
    name = f"{found['name']}.js" if found else ""
    return name if name in _words_of_scripts() else ""


def mask(said: str, script: str) -> str:
    """Return a message with the words of browsers and those of the script itself: all others may be the page's."""
    words = _words_of_scripts()[script]
    return _HIDDEN.sub(lambda found: found[0] if found[0] in words or found[0].lower() in _SAYS else "…", said[:200])


@cache
def _words_of_scripts() -> dict[str, frozenset[str]]:
    """Return our scripts with the words that they are written in. Read once: they change with the version."""
    (folder,) = settings.STATICFILES_DIRS
    scripts = {file.relative_to(folder).as_posix(): file.read_text() for file in folder.glob("*/*.js")}
    return {name: frozenset(_WORD.findall(text)) for name, text in scripts.items()}

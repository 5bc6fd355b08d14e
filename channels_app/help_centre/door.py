"""What every page of a help centre has in common: robots, the tenant's scope, caching and the content policy."""

import base64
from collections.abc import Callable, Collection, Mapping
from functools import wraps
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.conf.locale import LANG_INFO
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language_info
from django.views.decorators.csrf import csrf_exempt

from accounts.services import client_address
from agents.models import Document
from agents.services import help_articles, help_centres
from core.errors import NotFound
from core.reliability.rate_limit import count_or_let_pass
from core.tenancy.scope import tenant_scope
from core.text.colours import readable
from core.text.speech import speaking, spoken_here

MINUTE: Final = 60
PAGES: Final = 240
"""Pages that one address may open in a minute; an office behind it is many people."""
FORMS: Final = 30
"""Searches, or votes, of one address in a minute."""
SEARCHES: Final = 600
"""Searches in one help centre in a minute, of all addresses together."""
DARK: Final = "#171b1e"
"""The ground of the dark theme, and words on a button there."""
RIGHT_TO_LEFT: Final = frozenset({"ar", "yi"})
_View = Callable[..., HttpResponseBase]


def page(*methods: str, limit: int = PAGES) -> Callable[[_View], _View]:
    """Return the decorator of a view that gets the open help centre of its key, in its tenant's scope."""

    def decorate(view: _View) -> _View:
        # Forms carry no session and no token, which would be another one for each visitor of a page that all share:
        # `is_own_form` looks at where they come from.
        @csrf_exempt
        @wraps(view)
        def answer(request: HttpRequest, key: str, **rest: Any) -> HttpResponseBase:
            if request.method not in methods:
                return HttpResponseNotAllowed(methods)
            # Before anything is read: a robot costs a counter.
            who = salted_hmac("walker.help", client_address(request)).hexdigest()
            if count_or_let_pass(f"help-{view.__name__ if limit != PAGES else 'pages'}:{who}", seconds=MINUTE) > limit:
                return too_many()
            try:
                centre = help_centres.find_centre(key)
            except NotFound as problem:
                raise Http404 from problem
            if rest.get("language", centre.language) not in Document.Language.values:
                raise Http404
            with tenant_scope(centre.tenant_id):
                try:
                    return view(request, centre, **rest)
                except NotFound:
                    return show(request, centre, "missing.html", centre.language, {}, status=404)

        return answer

    return decorate


def too_many() -> HttpResponse:
    """Return the answer to somebody who asks too often."""
    headers = {"Retry-After": str(MINUTE), "Cache-Control": "no-store"}
    words = "Too many requests. Try again in a minute.\n"
    return HttpResponse(words, status=429, content_type="text/plain; charset=utf-8", headers=headers)


def is_own_form(request: HttpRequest) -> bool:
    """Return True unless the browser says that the form stands on somebody else's page."""
    origin = request.headers.get("Origin")
    own = (request.get_host(), urlsplit(settings.PUBLIC_URL).netloc)
    # Not by `urlsplit`, which raises for brackets that aren't closed.
    return origin is None or origin.partition("://")[2] in own


def show(
    request: HttpRequest,
    centre: help_centres.OpenCentre,
    template: str,
    language: str,
    facts: Mapping[str, Any],
    *,
    status: int = 200,
    is_kept: bool = True,
) -> HttpResponseBase:
    """Return a page in a language; fixed sentences are in it too where we have words for it.

    Browsers and proxies ask each time whether a page that `is_kept` is still the same: an article that was taken back
    is gone at once.
    """
    style = style_of(centre)
    with speaking(language, centre.language):
        found = {
            "centre": centre,
            "style": style,
            "words": spoken_here(),
            "language": language_tag(language),
            "direction": "rtl" if language in RIGHT_TO_LEFT else "ltr",
            "languages": languages_of(centre, language),
            "home": home_of(centre, language),
            "page_language": language,
            "longest": help_articles.LONGEST_QUESTION,
            **facts,
        }
        response = render(request, f"help/{template}", found, status=status)
    socket = f"{'wss' if request.is_secure() else 'ws'}://{request.get_host()}"
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    response["Content-Security-Policy"] = "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'sha256-{digest}'",
            "img-src 'self' data: blob:",
            f"connect-src 'self' {socket}",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )
    return kept(request, response) if is_kept and status == 200 else unkept(response)


def kept(request: HttpRequest, response: HttpResponse) -> HttpResponseBase:
    """Return the answer with a digest to ask again with; a short one where the digest is the same."""
    etag = f'"{sha256(response.content).hexdigest()[:32]}"'
    response["ETag"] = etag
    response["Cache-Control"] = "public, no-cache"
    return get_conditional_response(request, etag=etag, response=response) or response


def unkept(response: HttpResponse) -> HttpResponse:
    """Return the answer so that nobody else is shown it."""
    response["Cache-Control"] = "private, max-age=0"
    response["X-Robots-Tag"] = "noindex"
    return response


def style_of(centre: help_centres.OpenCentre) -> str:
    """Return the colours of a help centre, which the content policy names by their digest."""
    dark = readable(centre.colour, DARK)
    chat = (
        f"--walker-accent:{centre.colour};--walker-on-accent:#ffffff;"
        f"--walker-accent-dark:{dark};--walker-on-accent-dark:{DARK}"
    )
    return f":root{{--accent:{centre.colour};--accent-dark:{dark}}}walker-chat{{{chat}}}"


def language_tag(language: str) -> str:
    """Return a language as HTML names it."""
    return "und" if language == Document.Language.OTHER else language


def language_name(language: str) -> str:
    """Return what those who speak a language call it."""
    if language in LANG_INFO:
        name = str(get_language_info(language)["name_local"])
        return name[:1].upper() + name[1:]
    return str(Document.Language(language).label)


def home_of(centre: help_centres.OpenCentre, language: str) -> str:
    """Return the path of the first page in a language."""
    if language == centre.language:
        return reverse("help_home", args=[centre.key])
    return reverse("help_language", args=[centre.key, language])


def languages_of(centre: help_centres.OpenCentre, current: str) -> list[dict[str, Any]]:
    """Return the first pages in all languages; none where there is only one."""
    found: Collection[str] = dict.fromkeys([centre.language, *help_articles.list_languages()])
    if len(found) < 2:
        return []
    return [
        {
            "tag": language_tag(each),
            "name": language_name(each),
            "path": home_of(centre, each),
            "url": absolute(home_of(centre, each)),
            "is_current": each == current,
        }
        for each in found
    ]


def absolute(path: str) -> str:
    """Return the canonical address of a path."""
    return f"{settings.PUBLIC_URL}{path}"

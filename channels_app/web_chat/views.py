"""HTTP views of the web chat: visitor session, the component's file, the hosted page."""

import base64
import json
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import http_date
from django.utils.translation import get_language_from_request
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from accounts.services import client_address
from agents.services import help_articles, help_centres
from channels_app.web_chat import conversation as chat
from channels_app.web_chat import identity, tokens
from channels_app.web_chat.files import json_body
from channels_app.web_chat.sessions import open_session
from channels_app.web_chat.settings import origins
from channels_app.web_chat.settings.limits import Bucket
from channels_app.web_chat.settings.widgets import Widget, find_look, find_widget
from conversations.services.visitors import tell_usual_answer
from core.clock import now
from core.errors import Invalid, NotFound, Refused, TooMany, WalkerError
from core.files.pictures import type_of_drawn
from core.tenancy.scope import tenant_scope
from core.text.speech import IN_SCRIPTS, SPOKEN, gettext, speaking, spoken

SCRIPT: Final = Path(settings.BASE_DIR) / "static" / "widget" / "walker.js"
NO_WORDS: Final = "const WORDS = {};"
"""What the component says, as it is marked there."""
BODY_LIMIT: Final = 16 * 1024
# An office behind one address is many browsers; one browser needs a session when it comes and every quarter of an hour.
PER_ADDRESS: Final = Bucket(size=1500, seconds=60)
PER_BROWSER: Final = Bucket(size=30, seconds=60)
ARTICLES: Final = 3
FIELDS: Final = {"visitor": 256, "identity": 4096, "token": 2048, "language": 16}


@method_decorator(csrf_exempt, name="dispatch")  # carries no cookie and trusts none
class SessionView(View):
    """`POST /widget/v1/session/`: open or extend a visitor's session."""

    http_method_names: list[str] = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Open or extend a session.

        Only registered origins can read it, a refusal can be read anywhere.
        Otherwise a page could not tell "not from this website" from "no network" and would retry forever.
        """
        response: HttpResponse
        allowed = ""
        try:
            if not PER_ADDRESS.take_now("session", client_address(request)):
                raise TooMany
            asked = _body(request)
            widget = find_widget(asked.get("widget"))
            # A new browser has no secret yet, and counts by its address only.
            secret = tokens.visitor_or_none(widget.account_id, asked.get("visitor") or "")
            if secret is not None and not PER_BROWSER.take_now("session", tokens.visitor_point(secret)):
                raise TooMany
            allowed = _checked_origin(request, widget)
            session = open_session(
                widget=widget,
                visitor=asked.get("visitor") or "",
                signed_identity=asked.get("identity") or "",
                token=asked.get("token") or "",
                language=asked.get("language") or "",
            )
            facts = {
                "token": session.token,
                "visitor": session.visitor,
                "expires_at": session.guest.expires_at.isoformat(),
                "expires_in": int((session.guest.expires_at - now()).total_seconds()),
                "ws_path": "/ws/chat/",
                "signed_in": session.guest.kind,
                "title": widget.name,
                "greeting": widget.greeting_in(asked.get("language") or ""),
                "suggestions": list(widget.suggestions),
                "takes_files": widget.takes_files,
                "form": chat.form_of(session.guest, widget),
            }
            response = JsonResponse(facts)
        except WalkerError as problem:
            response, allowed = JsonResponse(problem.as_dict(), status=problem.status), "*"
        return _with_cors(response, allowed)

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer a preflight, which names the widget in the query: `?widget=<key>`."""
        response = HttpResponse(status=204)
        try:
            allowed = _checked_origin(request, find_widget(request.GET.get("widget")))
        except WalkerError:
            return _with_cors(response, "")
        response["Access-Control-Allow-Methods"] = "POST"
        response["Access-Control-Allow-Headers"] = "content-type"
        response["Access-Control-Max-Age"] = "600"
        return _with_cors(response, allowed)


def _body(request: HttpRequest) -> dict[str, Any]:
    found = json_body(request, BODY_LIMIT)
    wrong = {
        name: [f"Use text of at most {limit} characters."]
        for name, limit in FIELDS.items()
        if not isinstance(found.get(name) or "", str) or len(found.get(name) or "") > limit
    }
    if wrong:
        raise Invalid("Some fields are not valid.", fields=wrong)
    return found


def _checked_origin(request: HttpRequest, widget: Widget) -> str:
    origin = request.headers.get("Origin")
    own = origins.own_origins(request.get_host(), secure=request.is_secure())
    if not origins.is_allowed(origin, registered=widget.origins, own=own):
        raise Refused("This chat isn't enabled for this website.", code="origin")
    return origin or ""


def _with_cors(response: HttpResponse, allowed: str) -> HttpResponse:
    response["Vary"] = "Origin"
    response["Cache-Control"] = "no-store"
    if allowed:
        response["Access-Control-Allow-Origin"] = allowed
    return response


class Component(NamedTuple):
    """The component's file as it is served."""

    content: bytes
    digest: str


@lru_cache(maxsize=1)
def _component(changed_at: int) -> Component:
    """Return the file with its sentences in the other languages; `changed_at` is when the file last was."""
    text = SCRIPT.read_text()
    sentences = [json.loads(f'"{each}"') for each in IN_SCRIPTS.findall(text)]
    words = {}
    for code in SPOKEN[1:]:
        with speaking(code):
            words[code] = {each: gettext(each) for each in sentences}
    content = text.replace(NO_WORDS, f"const WORDS = {json.dumps(words)};").encode()
    return Component(content, sha256(content).hexdigest()[:16])


def script(request: HttpRequest) -> HttpResponse:
    """Serve the component at a stable URL: cached briefly, revalidated by ETag."""
    known = SCRIPT.stat()
    component = _component(known.st_mtime_ns)
    etag = f'"{component.digest}"'
    if etag in request.headers.get("If-None-Match", ""):
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(component.content, content_type="text/javascript; charset=utf-8")
    response["ETag"] = etag
    response["Last-Modified"] = http_date(known.st_mtime)
    response["Cache-Control"] = "public, max-age=300, stale-while-revalidate=86400"
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def look(request: HttpRequest, key: str) -> HttpResponse:
    """Tell a page how its chat looks, before anybody opens it: nothing that a visitor of the website doesn't see."""
    try:
        if not PER_ADDRESS.take_now("look", client_address(request)):
            raise TooMany
        shown = find_look(key)
    except WalkerError as problem:
        return _with_cors(JsonResponse(problem.as_dict(), status=problem.status), "*")
    response = _with_cors(JsonResponse(shown.public(reverse("widget_logo", args=[key]))), "*")
    response["Cache-Control"] = "public, max-age=60"
    return response


def logo(request: HttpRequest, key: str) -> HttpResponse:
    """Serve the logo of a chat, as we drew it."""
    if not PER_ADDRESS.take_now("logo", client_address(request)):
        return HttpResponse(status=429)
    try:
        drawn = base64.b64decode(find_look(key).logo)
    except NotFound as problem:
        raise Http404 from problem
    if not drawn:
        raise Http404
    response = HttpResponse(drawn, content_type=type_of_drawn(drawn))
    response["Cache-Control"] = "public, max-age=86400"  # its address changes with it
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def hosted_page(request: HttpRequest, key: str) -> HttpResponse:
    """Show the chat as its own page, under a policy without inline code or styles."""
    try:
        widget = find_widget(key)
    except NotFound as problem:
        raise Http404 from problem
    language = spoken(get_language_from_request(request))
    facts = {
        "widget": widget,
        "identity": _hosted_identity(widget),
        "script_stamp": _component(SCRIPT.stat().st_mtime_ns).digest,
        "language": language,
    }
    with tenant_scope(widget.tenant_id), speaking(language):
        facts |= {
            "usual_answer": tell_usual_answer(account_id=widget.account_id),
            "articles": articles_to_start_with(widget, language),
        }
        response = render(request, "chat/page.html", facts)
    socket = f"{'wss' if request.is_secure() else 'ws'}://{request.get_host()}"
    response["Content-Security-Policy"] = "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "font-src 'self'",
            "img-src 'self' data: blob:",
            f"connect-src 'self' {socket}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    return response


def articles_to_start_with(widget: Widget, language: str) -> list[dict[str, str]]:
    """Return the most cited articles of the help centre beside the chat; none where it isn't open."""
    try:
        help_centres.find_centre(widget.key)
    except NotFound:
        return []
    found = help_articles.list_most_cited(language=language, limit=ARTICLES)
    return [
        {
            "title": line.title,
            "topic": line.topic,
            "path": reverse("help_article", args=[widget.key, line.id, line.slug]),
        }
        for line in found
    ]


def hosted_identity(request: HttpRequest, key: str) -> HttpResponse:
    """Sign the identity of the hosted page's visitor; 404 where such pages sign nobody in."""
    try:
        signed = _hosted_identity(find_widget(key))
    except NotFound as problem:
        raise Http404 from problem
    if not signed:
        raise Http404
    response = JsonResponse({"identity": signed})
    response["Cache-Control"] = "no-store"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _hosted_identity(widget: Widget) -> str:
    """Return the identity that a host page would sign for its visitor, or ""."""
    if not settings.HOSTED_PAGES_SIGN_IN or not widget.hosted_identity or not widget.identity_secret:
        return ""
    return identity.sign(secret=widget.identity_secret, widget=widget.key, subject=widget.hosted_identity, now=now())

"""The unsubscribe page: opening it changes nothing, posting turns the brief off."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.models import Tenant
from analytics import tokens
from analytics.brief.formats import Words
from analytics.models import BriefPreference
from analytics.selectors import locale_of
from analytics.services import switch_off
from core.errors import NotFound
from core.tenancy.scope import tenant_scope


# Mail clients post here without a cookie (RFC 8058): the signed token is the proof.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Show what the link does (GET), or unsubscribe (POST); an invalid link is a 404."""
    try:
        tenant_id, user_id = tokens.read(token)
    except NotFound as error:
        return _page(request, {"problem": error.detail}, 404)
    with tenant_scope(tenant_id):
        name = Tenant.objects.values_list("name", flat=True).filter(pk=tenant_id).first() or ""
        wish = BriefPreference.objects.filter(user_id=user_id).first() or BriefPreference(user_id=user_id)
        language = locale_of(wish).language
        is_done = request.method == "POST"
        if is_done:
            switch_off(user_id=user_id)
    keys = ("title", "ask", "button", "done", "back")
    texts = {key: Words(language).say(f"leave_{key}", tenant=name) for key in keys}
    return _page(request, {"is_done": is_done, "language": language, **texts}, 200)


def _page(request: HttpRequest, context: dict[str, object], status: int) -> HttpResponse:
    answer = render(request, "mail/unsubscribe.html", {"title": "Daily brief", **context}, status=status)
    answer["Referrer-Policy"] = "no-referrer"
    return answer

"""The search of the conversation list: what is looked for is posted and kept sealed, never a part of an address."""

import re
import secrets
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from django import forms
from django.core.cache import cache
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from console.base.actions import action_url, service_action
from console.base.forms import ConsoleForm
from console.base.lists import SelectFilter
from console.viewers import viewer_of
from conversations.admin.actions import ConversationActions
from conversations.selectors import WORDS_LIMIT, cleaned, conversations_with, newest_matches
from core.privacy.encryption import seal, unseal
from core.tenancy.scope import current_tenant_id

VIEW: Final = "conversations.view_conversation"
FOUND: Final = "found"
KEPT_SECONDS: Final = 3600
SHOWN: Final = 90
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16}")


class SearchForm(ConsoleForm):
    """What to look for."""

    words = forms.CharField(
        label="Search",
        max_length=WORDS_LIMIT,
        help_text="Words of the messages as they are shown, or a whole phone number or mail address.",
    )


class FoundFilter(SelectFilter):
    """What a search found, whatever its state; the parameter is a token that says nothing."""

    title, parameter_name, any_label = "Found", FOUND, ""
    is_hidden = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Take any token: an unknown one finds nothing."""
        token = request.GET.get(FOUND, "")
        return [(token, "")] if token else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what the words are found in."""
        if not is_search(request):
            return queryset
        words = words_of(request)
        return queryset.filter(pk__in=conversations_with(words)) if words else queryset.none()


def is_search(request: HttpRequest) -> bool:
    """Tell whether the list shows what a search found."""
    return bool(request.GET.get(FOUND))


def words_of(request: HttpRequest) -> str:
    """Return what the viewer looks for; empty without a search, and when it is too long ago."""
    token = request.GET.get(FOUND, "")
    if not _TOKEN.fullmatch(token):
        return ""
    key = _key(viewer_of(request).user_id, token)
    sealed = cache.get(key)
    return unseal(sealed, purpose="search", bound_to=key).decode() if sealed else ""


def keep(request: HttpRequest, words: str) -> str:
    """Remember for an hour what the viewer looks for; return the token."""
    token = secrets.token_urlsafe(12)
    key = _key(viewer_of(request).user_id, token)
    cache.set(key, seal(words.encode(), purpose="search", bound_to=key), timeout=KEPT_SECONDS)
    return token


def _key(user_id: UUID | None, token: str) -> str:
    return f"{current_tenant_id()}:conversation-search:{user_id}:{token}"


def excerpt(text: str, words: str) -> str:
    """Return the part of a text round the first of the words that stands in it."""
    lower = text.lower()
    places = [place for place in (lower.find(word) for word in words.lower().split()) if place >= 0]
    start = max(0, min(places, default=0) - SHOWN // 3)
    shown = text[start : start + SHOWN]
    return f"{'…' if start else ''}{shown}{'…' if start + SHOWN < len(text) else ''}"


class ConversationSearch(ConversationActions):
    """The box over the list, and the rows it leaves."""

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the box with what is looked for."""
        context = super().list_context(request)
        context["offered"] = [offer for offer in context["offered"] if offer["action"].path != "search"]
        words = words_of(request)
        box = {"url": action_url(self, self.service_actions["search"], None), "words": words, "limit": WORDS_LIMIT}
        return {**context, "search": {**box, "is_over": is_search(request) and not words}}

    def mark_matches(self, request: HttpRequest, rows: list[Any]) -> None:
        """Put the text that was found on each row. One query, and none without a search."""
        words = words_of(request)
        if not words or not rows:
            return
        texts = newest_matches(viewer=viewer_of(request), words=words, conversation_ids=[row.pk for row in rows])
        for row in rows:
            row.found_text = excerpt(texts.get(row.pk, ""), words)

    @service_action(path="search", title="Search", permission=VIEW, form=SearchForm, on_list=True)
    def search(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Go to what is found."""
        words = cleaned(form.cleaned_data["words"])
        return HttpResponseRedirect(f"{self.list_url()}?{FOUND}={keep(request, words)}" if words else self.list_url())

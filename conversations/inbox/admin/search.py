"""The search of the inbox, and of the palette: words are posted and cached encrypted, never in a URL."""

import re
import secrets
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from console.base.actions import service_action
from console.base.forms import ConsoleForm
from console.extensions import MOST_FOUND, Finder, Found, finders
from console.viewers import viewer_of
from conversations.inbox.admin.actions import ConversationActions
from conversations.inbox.admin.approval_panel import customer_name
from conversations.inbox.selectors.lists import query_conversations
from conversations.inbox.selectors.search import WORDS_LIMIT, cleaned, conversations_with, newest_matches
from conversations.inbox.teams.seen import read_found
from core.actors import Actor
from core.privacy.encryption import seal, unseal
from core.tenancy.scope import current_tenant_id

VIEW: Final = "conversations.view_conversation"
FOUND: Final = "found"
KEPT_SECONDS: Final = 3600
SHOWN: Final = 90
SHORTEST: Final = 3
"""The palette looks for words of messages from this many characters on."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16}")


class SearchForm(ConsoleForm):
    """The search words."""

    words = forms.CharField(
        label="Search",
        max_length=WORDS_LIMIT,
        help_text="Words of the messages as shown, a full phone number or email address, or a reference.",
    )


def is_token(text: str) -> bool:
    """Return True if a text can be the token of a search."""
    return bool(_TOKEN.fullmatch(text))


def words_of(request: HttpRequest) -> str:
    """Return the viewer's search words. Returns "" without a search, or when they have expired."""
    token = request.GET.get(FOUND, "")
    if not is_token(token):
        return ""
    key = _key(viewer_of(request).user_id, token)
    sealed = cache.get(key)
    return unseal(sealed, purpose="search", bound_to=key).decode() if sealed else ""


def keep(request: HttpRequest, words: str) -> str:
    """Store the search words for an hour and return their token."""
    token = secrets.token_urlsafe(12)
    key = _key(viewer_of(request).user_id, token)
    cache.set(key, seal(words.encode(), purpose="search", bound_to=key), timeout=KEPT_SECONDS)
    return token


def _key(user_id: UUID | None, token: str) -> str:
    return f"{current_tenant_id()}:conversation-search:{user_id}:{token}"


def excerpt(text: str, words: str) -> str:
    """Return the part of a text around the first matching word."""
    lower = text.lower()
    places = [place for place in (lower.find(word) for word in words.lower().split()) if place >= 0]
    start = max(0, min(places, default=0) - SHOWN // 3)
    shown = text[start : start + SHOWN]
    return f"{'…' if start else ''}{shown}{'…' if start + SHOWN < len(text) else ''}"


class ConversationSearch(ConversationActions):
    """Adds the search to the inbox."""

    def mark_matches(self, request: HttpRequest, rows: list[Any]) -> None:
        """Set the matching text on each row. One query, none without a search."""
        words = words_of(request)
        if not words or not rows:
            return
        viewer, ids = viewer_of(request), [row.pk for row in rows]
        texts = read_found(viewer, lambda: newest_matches(viewer=viewer, words=words, conversation_ids=ids))
        for row in rows:
            row.found_text = excerpt(texts.get(row.pk, ""), words)

    @service_action(title="Search", permission=VIEW, form=SearchForm, on_list=True)
    def search(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Redirect to the results, in the view where the words were written."""
        words = cleaned(form.cleaned_data["words"])
        asked = {"view": request.GET.get("view", ""), **({FOUND: keep(request, words)} if words else {})}
        return HttpResponseRedirect(f"{reverse('admin:inbox')}?{urlencode(asked)}")


class ConversationFinder(Finder):
    """Conversations by the words of a message, as masked, the customer's full address, or a reference."""

    title, order, permission = "Conversations", 12, VIEW

    def find(self, viewer: Actor, words: str) -> list[Found]:
        """Return those with the latest activity, each with its newest message that has the words. Two queries."""
        return read_found(viewer, lambda: self.read_rows(viewer, words)) if len(words) >= SHORTEST else []

    def read_rows(self, viewer: Actor, words: str) -> list[Found]:
        """Return the same for words that are long enough."""
        rows = query_conversations(viewer=viewer).filter(pk__in=conversations_with(words, viewer=viewer))
        rows = rows.select_related("contact__user", "origin__user")  # whose names are shown
        found = list(rows.order_by("-last_message_at", "-pk")[:MOST_FOUND])
        texts = newest_matches(viewer=viewer, words=words, conversation_ids=[row.pk for row in found])
        return [
            Found(
                customer_name(row),
                excerpt(texts.get(row.pk, ""), words) or row.channel_account.name,
                reverse("admin:conversations_conversation_change", args=[row.pk]),
            )
            for row in found
        ]


finders.register("conversations.conversations", ConversationFinder)

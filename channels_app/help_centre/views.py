"""The pages of a help centre: first page, topic, article, search, vote, and what search engines and readers fetch."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.services import client_address
from agents.services import help_articles, help_centres, help_markup, help_votes
from channels_app.help_centre.door import (
    FORMS,
    MINUTE,
    SEARCHES,
    absolute,
    home_of,
    is_own_form,
    kept,
    language_name,
    language_tag,
    page,
    show,
    too_many,
)
from core.errors import NotFound
from core.reliability.rate_limit import count_or_let_pass

OF_TOPIC: Final = 6
"""Articles that the first page names of a topic that has more, if there are several topics."""
OF_ONLY_TOPIC: Final = 30
IN_FEED: Final = 20
KEPT_SECONDS: Final = 3600
SECTIONS: Final = 3
"""Sections from which on an article has a list of them."""
_Centre = help_centres.OpenCentre


@page("GET", "HEAD")
def home(request: HttpRequest, centre: _Centre, language: str = "") -> HttpResponseBase:
    """Show the topics with their articles in a language; by default that of the help centre."""
    if language == centre.language:
        return redirect(home_of(centre, language), permanent=True)
    shown = language or centre.language
    articles = help_articles.list_articles(language=shown)
    if language and not articles:
        raise NotFound
    by_topic = [list(lines) for _, lines in groupby(articles, key=lambda line: line.topic_id)]
    limit = OF_ONLY_TOPIC if len(by_topic) == 1 else OF_TOPIC
    topics = [_topic(centre, lines, limit) for lines in by_topic]
    facts = {"topics": topics, "canonical": absolute(home_of(centre, shown)), "is_home": True}
    return show(request, centre, "home.html", shown, facts)


@page("GET", "HEAD")
def topic(request: HttpRequest, centre: _Centre, language: str, topic_id: UUID) -> HttpResponseBase:
    """Show all articles of a public collection in a language."""
    articles = help_articles.list_articles(language=language, topic_id=topic_id)
    if not articles:
        raise NotFound
    path = reverse("help_topic", args=[centre.key, language, topic_id])
    facts = {"topic": _topic(centre, articles, len(articles)), "canonical": absolute(path)}
    return show(request, centre, "topic.html", language, facts)


@page("GET", "HEAD")
def article(request: HttpRequest, centre: _Centre, article_id: UUID, slug: str) -> HttpResponseBase:
    """Show an article; under an earlier title it leads to its address now."""
    found = help_articles.get_article(article_id=article_id)
    path = _path(centre, found.line)
    if slug != found.line.slug:
        return redirect(path, permanent=True)
    # An article can be long, and a robot can ask for it often. It is kept after the look whether it is public today.
    key = f"{centre.tenant_id.hex}:help-article:{article_id}:{found.version}"
    shown: help_markup.Shown | None = cache.get(key)
    if shown is None:
        shown = help_markup.show_article(found.line.title, found.text)
        cache.set(key, shown, timeout=KEPT_SECONDS)
    voted = request.GET.get("voted", "")
    facts = {
        "article": found.line,
        "html": shown.html,
        "sections": shown.sections if len(shown.sections) >= SECTIONS else (),
        "about": help_articles.opening(found.text),
        "topic_path": reverse("help_topic", args=[centre.key, found.line.language, found.line.topic_id]),
        "related": _links(centre, found.related),
        "vote_path": reverse("help_vote", args=[centre.key, article_id]),
        "voted": voted if voted in ("yes", "no") else "",
        "canonical": absolute(path),
    }
    return show(request, centre, "article.html", found.line.language, facts)


@page("GET", "HEAD", "POST", limit=FORMS)
def search(request: HttpRequest, centre: _Centre) -> HttpResponseBase:
    """Show the articles that answer a question.

    By a form that posts: what people search for may be personal, and addresses are kept in logs and histories.
    """
    if request.method != "POST":
        return redirect("help_home", centre.key)
    if not is_own_form(request):
        return HttpResponseForbidden("Search from the help centre's own page.\n", content_type="text/plain")
    asked = " ".join(request.POST.get("q", "").replace("\x00", "").split())[: help_articles.LONGEST_QUESTION]
    if asked and count_or_let_pass(f"{centre.tenant_id.hex}:help-search:{centre.key}", seconds=MINUTE) > SEARCHES:
        return too_many()
    language = request.POST.get("language", "")
    language = language if language in help_articles.list_languages() else centre.language
    hits = help_articles.search_articles(question=asked, language=language) if asked else []
    facts = {
        "asked": asked,
        "hits": [
            {
                **link,
                "quote": hit.quote,
                "topic": hit.line.topic,
                "other_language": language_name(hit.line.language) if hit.line.language != language else "",
            }
            for hit, link in zip(hits, _links(centre, [hit.line for hit in hits]), strict=True)
        ],
        "suggested": []
        if hits
        else _links(centre, help_articles.list_articles(language=language, newest=True, limit=5)),
    }
    return show(request, centre, "search.html", language, facts, is_kept=False)


@page("POST", limit=FORMS)
def vote(request: HttpRequest, centre: _Centre, article_id: UUID) -> HttpResponseBase:
    """Keep whether an article helped, and show it again."""
    said = request.POST.get("helpful", "")
    if said not in ("yes", "no") or not is_own_form(request):
        return HttpResponseForbidden("Vote on the article's own page.\n", content_type="text/plain")
    found = help_articles.get_article(article_id=article_id)
    # By the address alone: what else a browser says of itself is anybody's choice.
    help_votes.record_vote(article_id=article_id, visitor=client_address(request), is_helpful=said == "yes")
    response = HttpResponse(status=303, headers={"Cache-Control": "no-store"})
    response["Location"] = f"{_path(centre, found.line)}?voted={said}#helpful"
    return response


@page("GET", "HEAD")
def sitemap(request: HttpRequest, centre: _Centre) -> HttpResponseBase:
    """List all pages for search engines."""
    articles = help_articles.list_articles(newest=True)
    languages = dict.fromkeys([centre.language, *(line.language for line in articles)])
    facts = {
        "homes": [absolute(home_of(centre, each)) for each in languages],
        "articles": [{"url": absolute(_path(centre, line)), "changed": line.updated_at} for line in articles],
    }
    return kept(request, render(request, "help/sitemap.xml", facts, content_type="application/xml"))


@page("GET", "HEAD")
def feed(request: HttpRequest, centre: _Centre) -> HttpResponseBase:
    """List the articles that changed last, as an Atom feed."""
    articles = help_articles.list_articles(newest=True, limit=IN_FEED)
    openings = help_articles.list_openings(articles)
    facts = {
        "centre": centre,
        "host": urlsplit(absolute("")).hostname,
        "home": absolute(home_of(centre, centre.language)),
        "own": absolute(reverse("help_feed", args=[centre.key])),
        "changed": articles[0].updated_at if articles else None,
        "entries": [
            {"line": line, "url": absolute(_path(centre, line)), "opening": openings.get(line.id, "")}
            for line in articles
        ],
    }
    return kept(request, render(request, "help/feed.xml", facts, content_type="application/atom+xml"))


def _path(centre: _Centre, line: help_articles.Line) -> str:
    return reverse("help_article", args=[centre.key, line.id, line.slug])


def _links(centre: _Centre, lines: Iterable[help_articles.Line]) -> list[dict[str, Any]]:
    return [{"title": line.title, "path": _path(centre, line), "tag": language_tag(line.language)} for line in lines]


def _topic(centre: _Centre, lines: list[help_articles.Line], limit: int) -> dict[str, Any]:
    """Return a topic with links to its articles, and to the page with all of them where it has more."""
    first = lines[0]
    return {
        "name": first.topic,
        "about": first.about,
        "links": _links(centre, lines[:limit]),
        "more": len(lines) - limit if len(lines) > limit else 0,
        "all": len(lines),
        "path": reverse("help_topic", args=[centre.key, first.language, first.topic_id]),
    }

"""Read what everybody may read: articles of public collections on the days that they are valid.

Every reading here begins with `public_articles`. Nothing of it is kept between two requests, so an article that is
moved to another audience, deleted or no longer valid is gone with the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import F, QuerySet
from django.utils.text import slugify

from agents.knowledge.models import Collection, Document, DocumentVersion, in_force
from agents.knowledge.search.citations import cited_of
from agents.knowledge.search.search import search
from agents.knowledge.selectors import today
from agents.knowledge.sources.passages import plain
from core.db.rows import get_or_missing
from core.errors import NotFound
from core.reliability import loose_cache
from core.tenancy.scope import current_tenant_id

NO_ARTICLE: Final = "There is no such article."
MOST: Final = 2000
"""Articles that a list, the sitemap and a topic name at most, the newest."""
MOST_FOUND: Final = 10
LONGEST_QUESTION: Final = 200
RELATED: Final = 5
RANKED: Final = 200
"""Articles of which the most cited are chosen, the newest."""
KEEP_SECONDS: Final = 3600
MOST_CITED: Final = "most cited articles"
_PASSAGES: Final = 16
_COVERED: Final = 0.3
"""How much of a question a passage covers at least to be shown as found; and half as much as the best one."""
_QUOTED: Final = 220
_READ_FOR_OPENING: Final = 4000


@dataclass(frozen=True, slots=True)
class Line:
    """An article in a list."""

    id: UUID
    title: str
    language: str
    updated_at: datetime
    topic_id: UUID
    topic: str
    about: str
    """What its collection is about."""

    @property
    def slug(self) -> str:
        """Return the end of its address."""
        return slugify(self.title)[:60].strip("-") or "article"


@dataclass(frozen=True, slots=True)
class Article:
    """An article with its text in Markdown, and others of its collection in the same language."""

    line: Line
    version: int
    text: str
    related: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """An article that a search found, with the words that answer."""

    line: Line
    quote: str


def public_articles() -> QuerySet[Document]:
    """Return the articles that everybody may read today; for everyone."""
    rows: QuerySet[Document] = Document.objects.filter(
        in_force(today()), kind=Document.Kind.ARTICLE, collection__audience=Collection.Audience.PUBLIC
    )
    return rows.select_related("collection")


def list_articles(
    *, language: str = "", topic_id: UUID | None = None, newest: bool = False, limit: int = MOST
) -> list[Line]:
    """Return the public articles by collection and title, or the newest first; for everyone."""
    rows = public_articles()
    if language:
        rows = rows.filter(language=language)
    if topic_id is not None:
        rows = rows.filter(collection_id=topic_id)
    order = ("-updated_at", "-id") if newest else ("collection__name", "collection_id", "title", "id")
    return [_line(row) for row in rows.order_by(*order)[:limit]]


def list_most_cited(*, language: str, limit: int) -> list[Line]:
    """Return the public articles in a language that answers cited most in the last 30 days; for everyone.

    Which they are is kept for an hour; whether they are public is asked each time.
    """
    key = f"{current_tenant_id()}:most-cited:{language}:{limit}"
    found: list[UUID] | None = loose_cache.find(key, what=MOST_CITED)
    if found is None:
        rows = public_articles().filter(language=language).order_by("-updated_at", "-id")
        cited = cited_of(list(rows.values_list("pk", flat=True)[:RANKED]))
        lately = [pk for pk, each in cited.items() if each.answers]
        found = sorted(lately, key=lambda pk: (-cited[pk].answers, pk))[:limit]
        loose_cache.keep(key, found, seconds=KEEP_SECONDS, what=MOST_CITED)
    lines = public_articles().in_bulk(found)
    return [_line(lines[pk]) for pk in found if pk in lines]


def list_languages() -> list[str]:
    """Return the languages in which there are public articles; for everyone."""
    return sorted(set(public_articles().order_by().values_list("language", flat=True).distinct()))


def get_article(*, article_id: UUID) -> Article:
    """Return one public article; for everyone. Raises `NotFound`, also for one that isn't public today."""
    row = get_or_missing(public_articles().filter(pk=article_id), NO_ARTICLE)
    text = DocumentVersion.objects.filter(document=row, number=row.version).values_list("text", flat=True).first()
    if text is None:
        raise NotFound(NO_ARTICLE)
    others = public_articles().filter(collection_id=row.collection_id, language=row.language).exclude(pk=row.pk)
    return Article(
        _line(row), row.version, text, tuple(_line(other) for other in others.order_by("-updated_at", "-id")[:RELATED])
    )


def list_openings(articles: Sequence[Line]) -> dict[UUID, str]:
    """Return the beginnings of public articles, as plain text, by their ids; for everyone."""
    rows = DocumentVersion.objects.filter(
        document__in=public_articles().filter(pk__in=[line.id for line in articles]), number=F("document__version")
    )
    return {row.document_id: opening(row.text) for row in rows}


def search_articles(*, question: str, language: str = "") -> list[Hit]:
    """Return the public articles that answer a question, those in a language first; for everyone.

    By words alone, without a model. The question is neither stored nor logged.
    """
    found = search(question=question[:LONGEST_QUESTION], audience="public", kind=Document.Kind.ARTICLE, limit=_PASSAGES)
    least = max(_COVERED, max((each.coverage for each in found), default=0.0) / 2)
    best = {each.passage.document_id: each for each in reversed(found) if each.coverage >= least}
    rows = {row.pk: row for row in public_articles().filter(pk__in=best)}
    ranked = [key for key in dict.fromkeys(each.passage.document_id for each in found) if key in rows]
    ranked.sort(key=lambda key: rows[key].language != language)
    return [Hit(_line(rows[key]), _cut(best[key].quote or best[key].passage.text)) for key in ranked[:MOST_FOUND]]


def _line(row: Document) -> Line:
    home = row.collection
    return Line(row.pk, row.title, row.language, row.updated_at, home.pk, home.name, home.description)


def opening(text: str) -> str:
    """Return the first words of a Markdown text that are no heading, as plain text."""
    lines = (line.strip() for line in text[:_READ_FOR_OPENING].splitlines())
    return _cut(plain(" ".join(line for line in lines if line and not line.startswith(("#", "|", "```")))))


def _cut(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _QUOTED else f"{words[:_QUOTED].rsplit(' ', 1)[0]}…"

"""Whether articles helped: one vote a visitor and day, counted where it is read."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count, Q

from agents.knowledge.help.articles import NO_ARTICLE, public_articles
from agents.knowledge.help.models import HelpVote
from agents.knowledge.selectors import today
from core.clock import now
from core.errors import NotFound
from core.privacy.encryption import blind_index
from core.retention import BATCH, made_before, remove

KEPT: Final = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Votes:
    """How many said that an article helped, of all that said something, in the last half year."""

    helpful: int
    all: int


def record_vote(*, article_id: UUID, visitor: str, is_helpful: bool) -> None:
    """Keep whether a public article helped a visitor today; a second vote on the same day replaces the first.

    For everyone. `visitor` is not kept: only a keyed digest of it and the day is. Raises `NotFound`.
    """
    if not public_articles().filter(pk=article_id).exists():
        raise NotFound(NO_ARTICLE)
    day = today()
    digest = blind_index(f"{day}|{article_id}|{visitor}", column="agents.helpvote.visitor")
    HelpVote.objects.bulk_create(
        [HelpVote(document_id=article_id, day=day, visitor=digest, is_helpful=is_helpful)],
        update_conflicts=True,
        update_fields=["is_helpful"],
        unique_fields=["tenant_id", "document", "day", "visitor"],
    )


def count_votes(*, document_id: UUID) -> Votes:
    """Return what visitors said of a document; for callers that have checked who looks."""
    found = HelpVote.objects.filter(document_id=document_id, created_at__gte=now() - KEPT)
    counted = found.aggregate(helpful=Count("id", filter=Q(is_helpful=True)), all=Count("id"))
    return Votes(**counted)


def prune_votes() -> int:
    """Delete votes that are older than half a year; return how many. For the sweep."""
    return remove(HelpVote, made_before(now() - KEPT), limit=BATCH)

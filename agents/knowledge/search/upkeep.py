"""Keep the vectors of passages: a document at a time, by tasks that any worker may repeat."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from agents.knowledge.models import LIVE, Document, Passage
from agents.knowledge.search.index import digest_of
from agents.knowledge.search.vectors import MOST_TEXTS, Embedder, find_embedder
from agents.knowledge.vector_models import PassageVector
from agents.llm.ports import ModelFailed
from agents.llm.routes.calls import Place
from agents.llm.routes.ledger import Spent
from agents.llm.routes.models import ModelCall, ModelRoute
from agents.privacy import Vault
from core.clock import now
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope, tenant_scope

log = get_logger(__name__)
SECONDS: Final = 20.0
LEASE: Final = timedelta(minutes=4)
"""Behind the hard limit of the task."""
PAUSE: Final = timedelta(minutes=10)
"""After a failure."""
CALLS_OF_A_TASK: Final = 5
MOST_DUE: Final = 200


def list_due() -> list[tuple[UUID, UUID]]:
    """Return the tenants and documents with passages that need a vector. Enters the scopes itself."""
    with platform_scope():
        routes = ModelRoute.objects.filter(is_active=True, embedding_dimensions__gt=0)
        tenants = list(routes.order_by("tenant_id").values_list("tenant_id", flat=True).distinct())
    due: list[tuple[UUID, UUID]] = []
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            embedder = find_embedder()
            if embedder is None:
                continue
            free = Q(document__embed_after=None) | Q(document__embed_after__lt=now())
            rows = _missing(embedder).filter(free).order_by("document_id")
            ids = rows.values_list("document_id", flat=True).distinct()[:MOST_DUE]
            due += [(tenant_id, document_id) for document_id in ids]
    return due


def embed_document(*, document_id: UUID) -> int:
    """Make the vectors that a document's passages lack; return how many were made.

    For workers only, and never inside a transaction. Safe to repeat: a passage that has its vector is left out, and
    what a killed worker leaves is found by the sweep.
    """
    embedder = find_embedder()
    if embedder is None:
        return 0
    moment = now()
    free = Q(embed_after=None) | Q(embed_after__lt=moment)
    if not Document.objects.filter(free, LIVE, pk=document_id).update(embed_after=moment + LEASE):
        return 0
    made, after = 0, None
    try:
        for _ in range(CALLS_OF_A_TASK):
            rows = list(_missing(embedder).filter(document_id=document_id).order_by("number")[:MOST_TEXTS])
            if not rows:
                break
            made += _embed(embedder, rows)
    except (ModelFailed, Spent) as problem:
        log.warning("embedding_failed", document=str(document_id), code=getattr(problem, "code", "budget_spent"))
        after = now() + PAUSE
    Document.objects.filter(pk=document_id).update(embed_after=after)
    return made


def text_of(passage: Passage) -> str:
    """Return what is embedded of a passage: its titles and its text, with placeholders for personal data."""
    parts = (passage.document.title, passage.heading, passage.text)
    return Vault().redact("\n".join(part for part in parts if part))


def _missing(embedder: Embedder) -> QuerySet[Passage]:
    """Return the passages without a vector of this route, address, model and size."""
    rows: QuerySet[Passage] = Passage.objects.filter(document__state=Document.State.READY)
    current = Q(**{f"vector__{name}": value for name, value in embedder.makes.items()})
    return rows.filter(Q(vector=None) | ~current).select_related("document")


def _embed(embedder: Embedder, passages: list[Passage]) -> int:
    texts = [text_of(passage) for passage in passages]
    vectors = embedder.embed(texts, seconds=SECONDS, place=Place(ModelCall.Purpose.EMBEDDING))
    rows = {
        passage.pk: PassageVector(passage=passage, digest=digest_of(text), embedding=vector, **embedder.makes)
        for passage, text, vector in zip(passages, texts, vectors, strict=True)
    }
    with transaction.atomic():
        # Passages that were replaced meanwhile are gone; those that are here stay until the commit.
        here = Passage.objects.select_for_update(no_key=True).filter(pk__in=rows).order_by("id")
        kept = [rows[key] for key in here.values_list("pk", flat=True)]
        PassageVector.objects.bulk_create(
            kept,
            update_conflicts=True,
            unique_fields=["passage"],
            update_fields=[*embedder.makes, "digest", "embedding", "created_at"],
        )
    return len(kept)

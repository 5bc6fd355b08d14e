"""Read collections, documents and their versions."""

from datetime import date
from typing import Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from accounts.selectors import tenant_zone
from agents.knowledge.models import Collection, Document, OpenQuestion
from core.actors import Actor
from core.clock import now
from core.db.rows import get_or_missing
from core.reliability import kept

VIEW: Final = "agents.view_agent"


def today() -> date:
    """Return the day it is for the tenant in scope, by which documents are valid."""
    return now().astimezone(kept.keep(tenant_zone, "time zone")).date()


def query_collections(*, viewer: Actor) -> QuerySet[Collection]:
    """Return the collections with how many documents they hold. Needs `agents.view_agent`."""
    viewer.require(VIEW)
    rows: QuerySet[Collection] = Collection.objects.all()
    return rows.annotate(size=Count("documents", filter=~Q(documents__state=Document.State.DELETED)))


def list_collections(*, viewer: Actor, limit: int) -> list[Collection]:
    """Return the first collections by name, without their sizes. Needs `agents.view_agent`."""
    viewer.require(VIEW)
    return list(Collection.objects.order_by("name", "id")[:limit])


def get_collection(*, viewer: Actor, collection_id: UUID) -> Collection:
    """Return one collection. Needs `agents.view_agent`; raises `NotFound`."""
    return get_or_missing(query_collections(viewer=viewer).filter(pk=collection_id), "There is no such collection.")


def collection_choices() -> list[tuple[str, str]]:
    """Return the collections as the choices of a form."""
    rows = Collection.objects.order_by("name", "id")
    return [(str(row.pk), f"{row.name} ({row.get_audience_display().lower()})") for row in rows]


def query_documents(*, viewer: Actor) -> QuerySet[Document]:
    """Return the documents that are not deleted, with their collections. Needs `agents.view_agent`."""
    viewer.require(VIEW)
    rows: QuerySet[Document] = Document.objects.exclude(state=Document.State.DELETED)
    return rows.select_related("collection")


def get_document(*, viewer: Actor, document_id: UUID) -> Document:
    """Return one document. Needs `agents.view_agent`; raises `NotFound`."""
    return get_or_missing(query_documents(viewer=viewer).filter(pk=document_id), "There is no such document.")


def query_questions(*, viewer: Actor) -> QuerySet[OpenQuestion]:
    """Return what people asked and no document answered, masked. Needs `agents.view_agent`."""
    viewer.require(VIEW)
    rows: QuerySet[OpenQuestion] = OpenQuestion.objects.select_related("answer")
    return rows


def get_question(*, viewer: Actor, question_id: UUID) -> OpenQuestion:
    """Return one such question. Needs `agents.view_agent`; raises `NotFound`."""
    return get_or_missing(query_questions(viewer=viewer).filter(pk=question_id), "There is no such question.")

"""Vectors of passages: made by a route, within its budget, without personal data, and found behind the wall."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.knowledge import services
from agents.knowledge.models import Document, DocumentVersion, Passage
from agents.knowledge.search import nearest, storage, upkeep
from agents.knowledge.search.search import search
from agents.knowledge.search.vectors import find_embedder
from agents.knowledge.vector_models import PassageVector
from agents.llm.routes import configuration
from agents.llm.routes.models import ModelCall, ModelRoute
from core.clock import now
from core.errors import Invalid
from core.tenancy.models import tenant_scope
from standins.model.seed import EMBEDDING
from standins.model.server import DIMENSIONS, ModelServer
from standins.script import parse_rule
from tests.agents.conftest import Desk
from tests.agents.knowledge.test_knowledge import RETURNS, article, collection
from tests.agents.llm.routes.test_routes import add, budget, server
from tests.world import OPERATOR, World

__all__ = ["server"]
pytestmark = pytest.mark.django_db
SIZE = 256


@pytest.fixture
def _extension(db: None) -> None:
    if not storage.is_available():
        pytest.skip("this PostgreSQL has no extension vector, or its tests' role may not make it")


compares = pytest.mark.usefixtures("_extension")


def offer(server: ModelServer | None, **given: Any) -> ModelRoute:
    """Add a route with embeddings."""
    setup = {
        "embedding_model": EMBEDDING,
        "embedding_dimensions": DIMENSIONS,
        "price_embedding": Decimal("0.02"),
        **given,
    }
    return add(server, "With embeddings", **setup)


def asked_of(server: ModelServer) -> list[list[str]]:
    rows = reversed(server.journal.newest())
    return [json.loads(row["body"])["input"] for row in rows if row["path"] == "/v1/embeddings"]


@pytest.mark.slow
@compares
def test_passages_are_embedded_once_without_personal_data_at_a_recorded_price(desk: Desk, server: ModelServer) -> None:
    route = offer(server)
    assert storage.check_extension(databases=["default"]) == []
    row = article(collection(), "Returns", f"{RETURNS}\nOr write to jo.smith@shop.example.")
    assert upkeep.list_due() == [(row.tenant_id, row.pk)]
    assert upkeep.embed_document(document_id=row.pk) == row.passages == 2
    assert upkeep.embed_document(document_id=row.pk) == 0
    assert upkeep.list_due() == []
    [texts] = asked_of(server)
    assert texts[0].startswith("Returns\nHow long you have\nYou can return shoes")
    assert "jo.smith" not in str(texts)
    assert "<EMAIL_1>" in texts[1]
    call = ModelCall.objects.get()
    assert (call.purpose, call.outcome, call.route_id, call.model) == ("embedding", "answered", route.pk, EMBEDDING)
    assert call.price is not None
    assert call.price > 0
    vector = PassageVector.objects.order_by("id")[0]
    assert (vector.dimensions, len(vector.embedding)) == (DIMENSIONS, DIMENSIONS)
    # Another model's vectors are never compared: they are made again.
    configuration.change_route(
        actor=OPERATOR, route_id=route.pk, changes={"embedding_model": "sandbox-small"}, seen_version=route.version
    )
    assert upkeep.embed_document(document_id=row.pk) == 2
    assert set(PassageVector.objects.values_list("model", flat=True)) == {"sandbox-small"}
    # Nor are those of another address, whose model may be another one of the same name.
    assert upkeep.list_due() == []
    ModelRoute.objects.update(base_url=f"{route.base_url}/")
    assert upkeep.list_due() == [(row.tenant_id, row.pk)]
    ModelRoute.objects.update(base_url=route.base_url)
    services.change_article(actor=OPERATOR, document_id=row.pk, text="Write to us.")
    assert not PassageVector.objects.exists()
    assert upkeep.embed_document(document_id=row.pk) == 1
    services.delete_document(actor=OPERATOR, document_id=row.pk)
    assert not PassageVector.objects.exists()
    assert upkeep.list_due() == []


@compares
@pytest.mark.parametrize(
    ("rule", "outcome"),
    [({"do": "429"}, "rate_limited"), ({"do": "fail", "status": 500}, "unreachable"), (None, "failed")],
)
def test_failed_embedding_pauses_and_the_sweep_takes_it_up_again(
    desk: Desk, server: ModelServer, rule: dict[str, Any] | None, outcome: str
) -> None:
    route = offer(server, embedding_dimensions=DIMENSIONS if rule else 100)
    row = article(collection(), "Returns", RETURNS)
    if rule:
        server.script.add(parse_rule({"match": "POST /v1/embeddings", **rule}))
    assert upkeep.embed_document(document_id=row.pk) == 0
    call = ModelCall.objects.get()
    assert (call.outcome, call.reserved) == (outcome, 0)
    assert upkeep.list_due() == []
    assert upkeep.embed_document(document_id=row.pk) == 0  # paused, or another worker has it
    Document.objects.update(embed_after=now())
    ModelRoute.objects.filter(pk=route.pk).update(embedding_dimensions=DIMENSIONS)
    assert upkeep.embed_document(document_id=row.pk) == 2


@compares
def test_embeddings_keep_to_the_budget_and_to_routes_with_a_price(desk: Desk, server: ModelServer) -> None:
    with pytest.raises(Invalid) as refused:
        offer(server, price_embedding=None)
    assert "price_embedding" in refused.value.facts["fields"]
    for wrong in ({"embedding_dimensions": 0}, {"embedding_dimensions": 2001}, {"provider": "anthropic"}):
        with pytest.raises(Invalid):
            offer(server, **wrong)
    ModelRoute.objects.update(is_removed=True, is_active=False)
    offer(server, price_embedding=Decimal(900))
    row = article(collection(), "Returns", RETURNS)
    budget("0.01")
    assert upkeep.embed_document(document_id=row.pk) == 0
    assert asked_of(server) == []
    assert not PassageVector.objects.exists()


@pytest.mark.slow
def test_installation_without_the_extension_goes_on_with_words(
    desk: Desk, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(server)
    monkeypatch.setattr(storage, "EXTENSION", "a_type_that_is_not_there")
    assert find_embedder() is None
    row = article(collection(), "Returns", RETURNS)
    assert upkeep.list_due() == []
    assert upkeep.embed_document(document_id=row.pk) == 0
    [warning] = storage.check_extension(databases=["default"])
    assert warning.id == "agents.W001"
    assert "30 days" in desk.say("How many days do I have to return shoes?", "visitor")
    assert asked_of(server) == []


@compares
def test_other_tenants_see_no_vectors(desk: Desk, server: ModelServer, acme: World) -> None:
    offer(server)
    upkeep.embed_document(document_id=article(collection(), "Returns", RETURNS).pk)
    with tenant_scope(acme.globex.pk):
        assert not PassageVector.objects.exists()
        assert not Passage.objects.exists()


def spread(route: ModelRoute, passages: list[Passage], seed: int) -> None:
    """Write vectors of a seed, without asking anybody."""
    chance = random.Random(seed)
    PassageVector.objects.bulk_create(
        [
            PassageVector(
                passage=each,
                route=route,
                base_url=route.base_url,
                model=route.embedding_model,
                dimensions=SIZE,
                digest="",
                embedding=[chance.gauss(0, 1) for _ in range(SIZE)],
            )
            for each in passages
        ]
    )


def shelve(name: str, count: int, audience: str = "public") -> list[Passage]:
    where = collection(name, audience)
    row = Document.objects.create(collection=where, kind="file", title=name, state="ready", version=1)
    version = DocumentVersion.objects.create(document=row, number=1, title=name, digest="")
    rows = [
        Passage(collection=where, document=row, version=version, number=number, text=f"Text {number}", search="")
        for number in range(1, count + 1)
    ]
    return Passage.objects.bulk_create(rows)


@compares
@pytest.mark.long
def test_small_tenant_gets_all_its_hits_from_the_index_of_all_tenants(
    desk: Desk, acme: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2,000 rows, of which 20 are of one tenant, with the real index and row-level security."""
    own: dict[Any, list[Passage]] = {}
    for tenant, count in ((acme.acme, 1_980), (acme.globex, 20)):
        with tenant_scope(tenant.pk):
            route = offer(None, embedding_dimensions=SIZE, base_url="https://models.example/v1")
            own[tenant.pk] = shelve("Many", count)
            spread(route, own[tenant.pk], count)
    chance = random.Random(5)
    asked = [chance.gauss(0, 1) for _ in range(SIZE)]
    with tenant_scope(acme.globex.pk):
        shelve("Secret", 3, "members")
        embedder = find_embedder()
        assert embedder is not None
        exact = nearest.compare(embedder, asked, audience="public", limit=20)
        assert set(exact) == {each.pk for each in own[acme.globex.pk]}
        monkeypatch.setattr(nearest, "EXACT", 0)
        with connection.cursor() as cursor:
            cursor.execute("set local enable_seqscan = off")
            cursor.execute("set local enable_sort = off")
        with CaptureQueriesContext(connection) as queries:
            assert nearest.compare(embedder, asked, audience="public", limit=20) == exact
        [ordered] = [each["sql"] for each in queries if "materialized" in each["sql"]]
        ordered = ordered[ordered.index("with near") :]
        with connection.cursor() as cursor:
            cursor.execute(f"explain {ordered}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert f"using vectors_of_{SIZE}" in plan
            # What the setting is for: without it, the index returns its nearest ones, and they are the others'.
            cursor.execute("set local hnsw.iterative_scan = off")
            cursor.execute("set local hnsw.ef_search = 40")
            cursor.execute(ordered)
            assert len(cursor.fetchall()) < 10


@pytest.mark.slow
def test_passage_is_ranked_once_by_its_places_in_both_orders(desk: Desk) -> None:
    where = collection()
    returns = article(where, "Returns", "You can return shoes within 30 days.")
    shoes = article(where, "Shoes", "We have shoes of all kinds.")
    far = article(where, "Geld zurück", "Innerhalb eines Monats.")
    by_words = search(question="return shoes", audience="public")
    assert [each.passage.document.title for each in by_words] == ["Returns", "Shoes"]
    near = list(
        Passage.objects.filter(document__in=[far, returns]).order_by("-document_id").values_list("pk", flat=True)
    )
    both = search(question="return shoes", audience="public", near=near)
    assert [each.passage.document.title for each in both] == ["Returns", "Shoes", "Geld zurück"]
    # What words are sure of is not pushed aside by what only means the same.
    beside = search(question="return shoes", audience="public", near=shoes.parts.values_list("pk", flat=True))
    assert [each.passage.document.title for each in beside] == ["Returns", "Shoes"]
    assert [each.coverage for each in both][2] == 0
    assert both[0].coverage == by_words[0].coverage
    [only] = search(question="???", audience="public", near=near[:1])
    assert (only.passage.document_id, only.coverage) == (far.pk, 0)


@pytest.mark.slow
@compares
def test_question_of_a_customer_is_embedded_without_their_data_and_failures_leave_words(
    desk: Desk, server: ModelServer
) -> None:
    offer(server)
    row = article(collection(), "Returns", RETURNS)
    upkeep.embed_document(document_id=row.pk)
    question = "How many days do I have to return my shoes? Write to jo.smith@shop.example"
    desk.say(question, "visitor")
    [_, [asked]] = asked_of(server)
    assert "jo.smith" not in asked
    assert "return my shoes" in asked
    call = ModelCall.objects.order_by("-id")[0]
    assert (call.purpose, call.outcome, call.run_id) == ("embedding", "answered", desk.last_run.pk)
    server.script.add(parse_rule({"match": "POST /v1/embeddings", "do": "429"}))
    assert "30 days" in desk.say("How many days do I have to return shoes?", "visitor-2")
    assert ModelCall.objects.order_by("-id")[0].outcome == "rate_limited"

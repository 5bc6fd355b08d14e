"""A published help centre beside a web chat, and what must never stand in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from agents.knowledge import services
from agents.knowledge.help.centres import save_help_centre
from agents.knowledge.models import Collection, Document
from agents.knowledge.selectors import today
from conversations.models import ChannelAccount
from core.tenancy.scope import tenant_scope
from tests.channels_app.conftest import make_widget
from tests.world import OPERATOR, World

RETURNS = """
# Returning shoes

You can return shoes within **30 days**. They must be *unworn*, see [our rules](https://shop.example/rules).

## How to return
1. Print the label.
2. Hand the parcel in.

| Country | Days |
|---|---|
| Germany | 30 |
"""


def article(where: Collection, title: str, text: str, **facts: Any) -> Document:
    return services.write_article(actor=OPERATOR, collection_id=where.pk, title=title, text=text, **facts)


@dataclass
class Centre:
    """The help centre of the first tenant, and an anonymous browser."""

    world: World
    account: ChannelAccount
    client: Client
    public: Collection

    @property
    def path(self) -> str:
        return f"/help/{self.account.public_key}/"

    def get(self, rest: str = "", **extra: Any) -> HttpResponse:
        answer: HttpResponse = self.client.get(self.path + rest, **extra)
        return answer

    def search(self, words: str, address: str = "198.51.100.7") -> HttpResponse:
        answer: HttpResponse = self.client.post(f"{self.path}search/", {"q": words}, REMOTE_ADDR=address)
        return answer

    def write(self, title: str, text: str, **facts: Any) -> Document:
        with tenant_scope(self.world.acme.pk):
            return article(self.public, title, text, **facts)

    def save(self, **facts: Any) -> None:
        with tenant_scope(self.world.acme.pk):
            said = {"title": "Acme help", "language": "en", "is_public": True, **facts}
            save_help_centre(actor=OPERATOR, account_id=self.account.pk, **said)


def open_centre(world: World) -> Centre:
    """Publish a help centre with one article in English and one in German."""
    account = make_widget(world.acme.pk, "Acme chat")
    with tenant_scope(world.acme.pk):
        public = services.create_collection(
            actor=OPERATOR, name="Orders", audience="public", description="Delivery and returns"
        )
    centre = Centre(world, account, Client(), public)
    centre.save(introduction="Answers to what people ask most.")
    centre.write("Returning shoes", RETURNS)
    centre.write("Rückgabe", "Sie können Schuhe in 30 Tagen zurückgeben.", language="de")
    return centre


@pytest.fixture
def centre(world: World) -> Centre:
    return open_centre(world)


def hide(centre: Centre) -> dict[str, Document]:
    """Write what must never be shown, each with two words of its own: "qa…" in the title, "qz…" in the text."""
    hidden: dict[str, Document] = {}

    def put(name: str, where: Collection, **changes: Any) -> None:
        row = article(where, f"Canary qa{name}", f"Canary canary qz{name} stands here.")
        Document.objects.filter(pk=row.pk).update(**changes) if changes else None
        hidden[name] = row

    with tenant_scope(centre.world.acme.pk):
        public, day = centre.public, timedelta(days=1)
        for audience in ("verified", "members"):
            where = services.create_collection(actor=OPERATOR, name=f"qa{audience}room", audience=audience)
            put(audience, where)
        for state in ("reading", "failed", "gone"):
            put(state, public, state=state)
        put("tomorrow", public, valid_from=today() + day)
        put("yesterday", public, valid_until=today() - day)
        put("file", public, kind="file")
        put("website", public, kind="page")
        put("deleted", public)
        services.delete_document(actor=OPERATOR, document_id=hidden["deleted"].pk)
        moved = services.create_collection(actor=OPERATOR, name="qamovedroom", audience="public")
        put("moved", moved)
        services.change_collection(actor=OPERATOR, collection_id=moved.pk, audience="members")
        row = article(public, "Earlier", "Canary canary qzearlier stands here.")
        services.change_article(actor=OPERATOR, document_id=row.pk, text="Nothing of that.")
    with tenant_scope(centre.world.globex.pk):
        theirs = services.create_collection(actor=OPERATOR, name="qatheirsroom", audience="public")
        put("theirs", theirs)
    return hidden

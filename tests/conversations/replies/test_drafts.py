"""Drafts: each person's own, kept sealed, gone when sent, erased or left."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from conversations import services
from conversations.inbox.teams import availability
from conversations.models import Conversation, Draft
from conversations.replies import drafts
from core.actors import system
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import AGENT, Shop

pytestmark = pytest.mark.django_db
SECRET = "Write to ann@example.com"


@pytest.fixture
def talk(shop: Shop) -> Conversation:
    """A conversation."""
    return shop.conversation()


def test_draft_is_its_writers_own_and_sealed(shop: Shop, talk: Conversation) -> None:
    support, admin = shop.world.actor("support"), shop.world.actor("admin")
    for text in ("One", SECRET):
        drafts.save_draft(actor=support, conversation_id=talk.pk, text=text)
    drafts.save_draft(actor=admin, conversation_id=talk.pk, text="Mine")
    mine = drafts.own_draft(actor=support, conversation_id=talk.pk)
    assert mine
    assert (mine.body, Draft.objects.count()) == (SECRET, 2)
    with connection.cursor() as cursor:
        cursor.execute("select body::text from conversations_draft")
        assert "ann@example.com" not in str(cursor.fetchall())
    assert drafts.with_own_drafts(actor=support, conversation_ids=[talk.pk]) == {talk.pk}
    for actor, text, problem in (
        (shop.world.actor("viewer"), "x", Refused),
        (AGENT, "x", Refused),
        (support, "x" * 5000, Invalid),
    ):
        with pytest.raises(problem):
            drafts.save_draft(actor=actor, conversation_id=talk.pk, text=text)
    drafts.save_draft(actor=support, conversation_id=talk.pk, text="  ")
    assert list(Draft.objects.values_list("writer_id", flat=True)) == [admin.user_id]
    with tenant_scope(shop.world.globex.pk), pytest.raises(NotFound):
        drafts.save_draft(actor=shop.world.outsider(), conversation_id=talk.pk, text="x")
    assert drafts.prune_drafts(now=now() + timedelta(days=29)) == 0
    assert drafts.prune_drafts(now=now() + timedelta(days=31)) == 1
    services.close(actor=support, conversation_id=talk.pk, resolved=True)
    with pytest.raises(Conflict):
        drafts.save_draft(actor=support, conversation_id=talk.pk, text="late")


@pytest.mark.slow
def test_page_keeps_shows_and_forgets_it(shop: Shop, talk: Conversation) -> None:
    clients: dict[str, Client] = {}
    for role in ("support", "admin", "viewer"):
        clients[role] = Client()
        clients[role].force_login(shop.world.people[role], backend="accounts.backends.RoleBackend")
    home = f"/admin/conversations/conversation/{talk.pk}/"

    def keep(role: str, text: str) -> int:
        return clients[role].post(f"{home}draft/", {"text": text}).status_code

    assert (keep("support", SECRET), keep("viewer", "x"), keep("support", "x" * 5000)) == (200, 403, 400)
    assert clients["support"].get(f"{home}draft/").status_code == 405
    assert f">\n{SECRET}</textarea>" in clients["support"].get(home).content.decode()
    assert SECRET not in clients["admin"].get(home).content.decode()
    opened = {role: clients[role].get("/admin/inbox/?view=open").content.decode() for role in ("support", "admin")}
    assert ["wk-inbox-draft" in opened[role] for role in ("support", "admin")] == [True, False]
    assert SECRET not in opened["support"]
    assert clients["support"].post(f"{home}reply/", {"text": "Sent"}).status_code == 302
    assert not Draft.objects.exists()


def test_former_member_leaves_no_draft(shop: Shop, talk: Conversation) -> None:
    support = shop.world.actor("support")
    drafts.save_draft(actor=support, conversation_id=talk.pk, text=SECRET)
    person = shop.world.people["support"]
    person.memberships.update(is_active=False)
    availability.leave_teams(actor=system("desk"), user_id=person.pk)
    assert not Draft.objects.exists()

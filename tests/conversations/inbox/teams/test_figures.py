"""Whose figures somebody may see: all for admins, their own teams' for leads, none for others."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Tenant
from accounts.services import create_api_key
from conversations.inbox.teams.selectors import FigureScope, list_people
from conversations.inbox.teams.teams import Seat, TeamSettings, create_team
from conversations.models import Conversation, Survey, Team
from conversations.selectors import figure_scope, require_figures
from conversations.surveys.selectors import marks_of
from core.actors import Actor, system
from core.clock import now
from core.errors import Refused
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import Shop

pytestmark = pytest.mark.django_db
NONE = FigureScope(frozenset())


def teams(shop: Shop) -> tuple[Team, Team]:
    """Make a team that support leads and the approver is in, and one of the admin."""
    people, admin = shop.world.people, shop.world.actor("admin")
    mine = [Seat(people["support"].pk, is_lead=True), Seat(people["owner"].pk)]
    care = create_team(actor=admin, settings=TeamSettings(name="Care"), seats=mine)
    sales = create_team(actor=admin, settings=TeamSettings(name="Sales"), seats=[Seat(people["admin"].pk)])
    return care, sales


def rated(shop: Shop, team: Team | None, mark: int) -> None:
    """Write a rating of a team."""
    contact = shop.conversation().contact
    talk = Conversation.objects.create(contact=contact, channel_account=shop.chat, thread=f"t{mark}", team=team)
    Survey.objects.create(conversation=talk, team=team, asked_at=now(), rating=mark, answered_at=now())


def test_admins_and_compliance_see_all_teams_leads_their_own_and_others_none(shop: Shop) -> None:
    care, sales = teams(shop)
    for role in ("admin", "owner", "compliance"):
        assert figure_scope(viewer=shop.world.actor(role)) == FigureScope(None)
    support = shop.world.actor("support")
    assert figure_scope(viewer=support) == FigureScope(frozenset({care.pk}))
    for role in ("viewer", "approver"):
        assert figure_scope(viewer=shop.world.actor(role)) == NONE
    assert figure_scope(viewer=system("figures")) == FigureScope(None)
    assert figure_scope(viewer=Actor(kind="agent", name="support")) == NONE
    assert figure_scope(viewer=Actor(kind="contact", id=support.user_id, user_id=support.user_id)) == NONE
    key = support.limited_to(frozenset({"conversations.view_conversation"}))
    assert figure_scope(viewer=key) == NONE
    with tenant_scope(shop.world.globex.pk):  # the same person leads nothing there
        assert figure_scope(viewer=support) == NONE
    found = require_figures(viewer=support, team_id=care.pk)
    assert (found.includes(care.pk), found.includes(sales.pk), found.includes(None)) == (True, False, False)
    assert figure_scope(viewer=shop.world.actor("admin")).includes(None)
    for wrong in (sales.pk, None):
        with pytest.raises(Refused):
            require_figures(viewer=support, team_id=wrong)
    with pytest.raises(Refused):
        require_figures(viewer=shop.world.actor("viewer"))
    for viewer, most in ((support, 1), (shop.world.actor("admin"), 0)):
        with CaptureQueriesContext(connection) as queries:
            figure_scope(viewer=viewer)
        assert len(queries) == most


@pytest.mark.slow
def test_marks_and_loads_are_of_the_teams_one_may_see(shop: Shop, client: Client) -> None:
    care, sales = teams(shop)
    for team, mark in ((care, 5), (sales, 1), (None, 2)):
        rated(shop, team, mark)
    assert {mark for mark, count in marks_of(viewer=shop.world.actor("admin")).counts.items() if count} == {5, 1, 2}
    assert {mark for mark, count in marks_of(viewer=shop.world.actor("support")).counts.items() if count} == {5}
    with pytest.raises(Refused):
        marks_of(viewer=shop.world.actor("viewer"))
    loads = {
        role: [row.open_count for row in list_people(viewer=shop.world.actor(role), team_id=care.pk)]
        for role in ("support", "owner", "admin", "viewer")
    }
    assert loads == {"support": [0, 0], "owner": [0, 0], "admin": [0, 0], "viewer": [None, None]}
    assert [row.open_count for row in list_people(viewer=shop.world.actor("support"), team_id=sales.pk)] == [None]
    pages = {}
    for role, user in shop.world.people.items():
        client.force_login(user)
        pages[role] = client.get("/admin/conversations/survey/").content.decode()
    assert [role for role, page in pages.items() if "The last 30 days" in page] == ["owner", "admin", "support"]
    assert "1 of 1 customer answered" in " ".join(pages["support"].split())
    client.force_login(shop.world.people["viewer"])
    page = client.get(f"/admin/conversations/team/{care.pk}/").content.decode()
    assert "Up to 5 conversations" in page
    assert "0 of 5" not in page


def test_figures_are_a_scope_of_an_api_key(shop: Shop, client: Client) -> None:
    care, _ = teams(shop)
    assert Tenant.objects.count() == 1
    scopes = ["conversations.view_conversation"]
    for more, shown in (([], None), (["analytics.view_figures"], 0)):
        admin = shop.world.people["admin"]
        _, secret = create_api_key(actor=shop.world.actor("admin"), user=admin, name="figures", scopes=[*scopes, *more])
        answer = client.get(f"/api/v1/teams/{care.pk}/", HTTP_AUTHORIZATION=f"Bearer {secret}").json()
        assert {person["open_count"] for person in answer["people"]} == {shown}

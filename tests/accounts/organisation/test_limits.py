"""Tiers and their limits: who makes them, what is refused at each, what never is, and the notice before."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import time_machine

from accounts.members.invitations import invite_member
from accounts.models import Membership, Notice, Tenant, Tier, User
from accounts.organisation import tiers, usage
from accounts.permissions.operators import set_operator
from accounts.permissions.roles import permissions_of
from accounts.services import add_member, create_api_key, remove_member
from agents import services as agents
from agents.llm.routes import ledger
from agents.models import ModelCall
from agents.studio.agents import gallery
from analytics.models import FigureDay
from conversations.channel_accounts.app_accounts import save_app
from conversations.channel_accounts.widgets import save_widget
from conversations.messages.file_contents import MEASURED, measure_storage
from conversations.messages.files.rules import MB, Upload
from conversations.replies.canned_files import prepare_files
from core.actors import Actor
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.reliability import kept, limits, loose_cache
from core.tenancy.scope import tenant_scope
from tests import files
from tests.api.office import Caller
from tests.console.conftest import Browser, browser
from tests.hitl.machine.test_races import at_once
from tests.world import OPERATOR, World

__all__ = ["browser"]

pytestmark = pytest.mark.django_db
PAGE = "/admin/accounts/tier/"
HOME = "203.0.113.9"


def give(world: World, **most: Any) -> Tier:
    """Give the first tenant a tier with these limits."""
    tier = tiers.create_tier(actor=OPERATOR, name="Small", limits=most)
    tiers.give_tier(actor=OPERATOR, slug=world.acme.slug, tier_id=tier.pk)
    return tier


def reached(call: Any, *args: Any, **more: Any) -> bool:
    """Return True if the call is refused as a limit is reached, False if it goes through."""
    try:
        call(*args, **more)
    except Conflict as problem:
        return problem.code == "limit_reached"
    return False


def count(**figures: int) -> None:
    """Let figures have counted these today."""
    for metric, total in figures.items():
        FigureDay.objects.create(metric=metric, dimension="total", day=now().date(), n=1, total=total)


def operator(world: World) -> Actor:
    """Make the owner of the first tenant an operator, and return them with a second factor."""
    set_operator(actor=OPERATOR, email=world.people["owner"].email, is_on=True)
    return replace(world.actor("owner"), auth_strength="mfa", address=HOME)


def test_operators_alone_make_give_and_remove_tiers_and_every_log_says_so(acme: World) -> None:
    for actor in (replace(acme.actor("owner"), auth_strength="mfa"), acme.actor("admin")):
        with pytest.raises(Refused):
            tiers.create_tier(actor=actor, name="Mine", limits={})
        with pytest.raises(Refused):
            tiers.give_tier(actor=actor, slug="acme")
        with pytest.raises(Refused):
            tiers.list_tiers(viewer=actor)
    boss = operator(acme)
    for weak in (replace(boss, auth_strength="password"), replace(boss, scopes=frozenset({"accounts.change_tenant"}))):
        with pytest.raises(Refused):
            tiers.create_tier(actor=weak, name="Mine", limits={})
        with pytest.raises(Refused):
            tiers.give_tier(actor=weak, slug="acme")
    for wrong in ({"members": -1}, {"requests": 0}, {"storage": 10**12}):
        with pytest.raises(Invalid) as problem:
            tiers.create_tier(actor=boss, name="Small", limits=wrong)
        assert list(problem.value.facts["fields"]) == list(wrong)
    tier = tiers.create_tier(actor=boss, name=" Small ", limits={"members": 9})
    with pytest.raises(Conflict, match="already"):
        tiers.create_tier(actor=boss, name="Small", limits={})
    for slug in ("acme", "globex", "globex"):
        tiers.give_tier(actor=boss, slug=slug, tier_id=tier.pk)
    with pytest.raises(NotFound):
        tiers.give_tier(actor=boss, slug="nobody", tier_id=tier.pk)
    tiers.change_tier(actor=boss, tier_id=tier.pk, name="Small", limits={"members": 8}, seen_version=1)
    with pytest.raises(Conflict, match="changed since"):
        tiers.change_tier(actor=boss, tier_id=tier.pk, name="Small", limits={}, seen_version=1)
    assert (limits.limit_of("members"), limits.limit_of("agents")) == (8, None)
    with pytest.raises(Conflict) as in_use:
        tiers.remove_tier(actor=boss, tier_id=tier.pk)
    assert (in_use.value.code, tiers.organisations_of(viewer=boss, tier_id=tier.pk)) == ("in_use", ["acme", "globex"])
    for slug in ("acme", "globex"):
        tiers.give_tier(actor=boss, slug=slug)
    tiers.remove_tier(actor=boss, tier_id=tier.pk)
    for tenant, addresses in ((acme.acme, {"203.0.113.0/24", ""}), (acme.globex, {""})):
        with tenant_scope(tenant.pk):
            entries = AuditEntry.objects.filter(action__startswith="TIER_").order_by("seq")
            assert list(entries.values_list("action", flat=True)) == [
                "TIER_CREATED", "TIER_GIVEN", "TIER_CHANGED", "TIER_GIVEN", "TIER_REMOVED",
            ]  # fmt: skip
            assert set(entries.values_list("address", flat=True)) <= addresses
            assert set(entries.values_list("role", flat=True)) == {"operator"}
            assert Tenant.objects.get().tier_id is None


def test_pages_of_tiers_open_to_operators_alone(world: World, browser: Browser) -> None:
    tier = tiers.create_tier(actor=OPERATOR, name="Small", limits={"members": 9})
    client = browser("owner")
    pages = ("", "create/", "take/", f"{tier.pk}/", f"{tier.pk}/edit/")
    assert [client.get(f"{PAGE}{page}").status_code for page in pages] == [403] * 5
    assert (client.post(f"{PAGE}create/", {"name": "Mine"}).status_code, Tier.objects.count()) == (403, 1)
    assert PAGE not in client.get("/admin/settings/").content.decode()
    set_operator(actor=OPERATOR, email=world.people["owner"].email, is_on=True)
    session = client.session
    proofs = [{"method": "password", "at": time.time()}, {"method": "mfa", "type": "totp", "at": time.time()}]
    session["account_authentication_methods"] = proofs
    session.save()
    assert [client.get(f"{PAGE}{page}").status_code for page in pages] == [200] * 5
    assert PAGE in client.get("/admin/settings/").content.decode()
    made = client.post(f"{PAGE}create/", {"name": "Large", "model_spend": "20.50"}, follow=True).content.decode()
    assert "The tier Large is there" in made
    assert client.post(f"{PAGE}{tier.pk}/give/", {"slug": "globex"}).status_code == 302
    shown = client.get(f"{PAGE}{tier.pk}/").content.decode()
    assert ("globex" in shown, client.post(f"{PAGE}{tier.pk}/remove/", {"version": "1"}).status_code) == (True, 409)
    assert client.post(f"{PAGE}take/", {"slug": "globex"}).status_code == 302
    assert client.post(f"{PAGE}{tier.pk}/remove/", {"version": "1"}).status_code == 302


def test_what_is_counted_is_refused_when_new_and_kept_where_it_is(acme: World) -> None:
    admin = acme.actor("owner")
    setup = replace(gallery.FRONT_DESK.setup(), name="Ada")
    ada = agents.create_agent(actor=admin, type="custom", setup=setup)
    chat = save_widget(actor=admin, name="Website", origins=[])
    viewer = Membership.objects.get(user=acme.people["viewer"])
    give(acme, members=Membership.objects.count(), agents=1, channels=1)
    stranger = User.objects.create(email="new@acme.example")
    assert reached(add_member, actor=OPERATOR, user=stranger, role="viewer")
    assert not Membership.objects.filter(user=stranger, is_active=True).exists()
    assert reached(invite_member, actor=admin, email="rosa@initech.example", role="viewer")
    assert reached(agents.create_agent, actor=admin, type="custom", setup=replace(setup, name="Ben"))
    assert reached(agents.copy_agent, actor=admin, agent_id=ada.pk, name="Ben")
    assert reached(save_widget, actor=admin, name="Second", origins=[])
    assert reached(save_app, actor=admin, name="App")
    # What is there can be changed, and makes room when it goes.
    save_widget(actor=admin, name="Shop", origins=[], account_id=chat.pk)
    add_member(actor=OPERATOR, user=acme.people["viewer"], role="support")
    remove_member(actor=admin, membership_id=viewer.pk)
    assert not reached(add_member, actor=OPERATOR, user=stranger, role="viewer")
    assert reached(add_member, actor=OPERATOR, user=acme.people["viewer"], role="viewer")
    agents.retire_agent(actor=admin, agent_id=ada.pk)
    assert not reached(agents.create_agent, actor=admin, type="custom", setup=replace(setup, name="Ben"))
    assert reached(agents.restore_agent, actor=admin, agent_id=ada.pk)
    save_widget(actor=admin, name="Shop", origins=[], account_id=chat.pk, is_active=False)
    assert not reached(save_app, actor=admin, name="App")
    assert reached(save_widget, actor=admin, name="Shop", origins=[], account_id=chat.pk)
    with tenant_scope(acme.globex.pk):
        assert not reached(save_widget, actor=acme.outsider(), name="First", origins=[])


@pytest.mark.django_db(transaction=True)
def test_of_two_who_add_the_last_member_at_the_same_moment_one_is_refused(committed_world: World) -> None:
    with tenant_scope(committed_world.acme.pk):
        members = Membership.objects.filter(is_active=True)
        give(committed_world, members=members.count() + 1)
        people = [User.objects.create(email=f"new{number}@acme.example") for number in range(2)]
        results = at_once([partial(add_member, actor=OPERATOR, user=user, role="viewer") for user in people])
        assert [getattr(one, "code", "") for one in results if isinstance(one, Exception)] == ["limit_reached"]
        assert members.count() == tiers.limits_set()["members"]


def test_models_that_cost_are_not_asked_beyond_the_months_spend(acme: World) -> None:
    give(acme, model_spend=Decimal("20.00"))
    FigureDay.objects.create(
        metric="model_cost", dimension="total", day=now().date().replace(day=1), currency="USD", n=9, total=20
    )
    with pytest.raises(ledger.Spent) as spent:
        ledger.open_call(ModelCall(route_name="Paid"), (), Decimal("0.01"))
    assert (spent.value.budget.on_spent, ModelCall.objects.count()) == ("person", 0)
    ledger.open_call(ModelCall(route_name="Free"), (), Decimal(0))
    FigureDay.objects.update(day=now().date().replace(day=1) - timedelta(days=1))
    ledger.open_call(ModelCall(route_name="Paid"), (), Decimal("0.01"))
    assert ModelCall.objects.count() == 2


def test_requests_of_a_minute_are_those_of_the_tier(world: World, settings: Any) -> None:
    settings.TENANT_REQUESTS_PER_MINUTE = 1
    with tenant_scope(world.acme.pk):
        give(world, requests=3)
        scopes = sorted(permissions_of("owner"))
        made = [create_api_key(actor=OPERATOR, user=world.people["owner"], name="T", scopes=scopes) for _ in range(2)]
    first, second = (Caller(secret) for _, secret in made)
    with time_machine.travel(now(), tick=False):  # within one minute
        used = first.get("organisation/usage/").json()
        statuses = [first.get("agents/").status_code, second.get("agents/").status_code]
        refused = second.get("agents/")
    assert next(one for one in used if one["key"] == "requests") == {
        "key": "requests", "name": "API requests a minute", "used": "1.00", "limit": "3.00", "percent": 33,
    }  # fmt: skip
    assert statuses == [200, 200]
    assert (refused.status_code, refused.json()["code"], refused.headers["RateLimit-Limit"]) == (429, "too_many", "3")
    assert 0 < int(refused.headers["Retry-After"]) <= 60


def test_files_stop_at_what_was_measured_last(acme: World, redis_client: Any) -> None:
    give(acme, storage=5)
    picture = Upload("a.png", files.png())
    assert not reached(prepare_files, [picture])  # nobody has measured yet
    loose_cache.keep(f"{acme.acme.pk}:storage", 5 * MB, seconds=60, what=MEASURED)
    assert reached(prepare_files, [picture])
    with tenant_scope(acme.globex.pk):
        assert not reached(prepare_files, [picture])
    measure_storage()
    keys = [next(redis_client.scan_iter(f"*{acme.acme.pk}:storage{end}")) for end in ("", ":fresh")]
    number, hour = (redis_client.ttl(key) for key in keys)
    assert number > hour + 300 > 300  # there is no gap until the sweep measures again


def test_usage_is_shown_with_its_limits_and_noticed_once(world: World, browser: Browser) -> None:
    page = browser("admin").get("/admin/usage/").content.decode()
    assert ("Your operator has set no limits" in page, "Members" in page) == (True, True)
    with tenant_scope(world.acme.pk):
        members = Membership.objects.count()
        give(world, members=members, messages=1000, agents=0)
        count(messages_in=799)
    for _ in range(2):
        usage.notice_usage()
    with tenant_scope(world.acme.pk):
        told = Notice.objects.filter(kind="accounts.usage")
        assert set(told.values_list("title", flat=True)) == {"100 % of a limit is used: Members"}
        assert set(told.values_list("person", flat=True)) == {world.people[role].pk for role in ("owner", "admin")}
        assert told.count() == 2
        FigureDay.objects.filter(metric="messages_in").update(total=800)
    for _ in range(2):
        usage.notice_usage()
    with tenant_scope(world.acme.pk):
        assert Notice.objects.filter(kind="accounts.usage").count() == 4
        assert loose_cache.find(f"{world.acme.pk}:storage", what=MEASURED) == 0
    kept.forget()
    page = browser("owner").get("/admin/usage/").content.decode()
    assert ("tier “Small”" in page, "80 %" in page, f">{members}<" in page) == (True, True, True)
    assert browser("support").get("/admin/usage/").status_code == 403
    with tenant_scope(world.globex.pk):
        assert not Notice.objects.filter(kind="accounts.usage").exists()

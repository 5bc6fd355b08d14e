"""An organisation's settings: who changes them, what can't be one, their history, and what follows them."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image

from accounts.models import Membership, OrganisationLogo, SettingChange, Tenant
from accounts.organisation.settings import CHANGE, change_organisation, remove_logo, save_logo
from accounts.organisation.zone import change_zone, what_changes
from accounts.permissions.roles import permissions_of
from accounts.selectors import tenant_zone_name
from accounts.services import create_api_key
from analytics.models import FigureDay
from channels_app.web_chat.settings import widgets
from conversations.models import ChannelAccount
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl.policy.authorship import have_shaped_rules
from hitl.seals.rules import RuleSeals
from integrations.mail.providers.routes import find_route
from integrations.services import connect_provider
from tests import files
from tests.accounts.test_profile import photo
from tests.api.office import Caller
from tests.console.conftest import Browser, browser
from tests.world import OPERATOR, World

__all__ = ["browser"]

pytestmark = pytest.mark.django_db
PAGE = "/admin/accounts/tenant/"


def caller(world: World, role: str) -> Caller:
    """A program of the person of the role."""
    with tenant_scope(world.acme.pk):
        scopes = sorted(permissions_of(role))
        return Caller(create_api_key(actor=OPERATOR, user=world.people[role], name="Test", scopes=scopes)[1])


def test_settings_change_once_are_audited_and_have_a_history(acme: World) -> None:
    wanted: dict[str, Any] = {"name": " Acme \0Shoes ", "currency": "usd", "support_name": "Acme  support"}
    for _ in range(2):
        change_organisation(actor=acme.actor("admin"), tenant_id=acme.acme.pk, **wanted)
    change_organisation(actor=acme.actor("owner"), tenant_id=acme.acme.pk, language="de")
    tenant = Tenant.objects.get()
    assert (tenant.name, tenant.currency, tenant.support_name, tenant.language, tenant.timezone) == (
        "Acme Shoes", "USD", "Acme support", "de", acme.acme.timezone,
    )  # fmt: skip
    entries = AuditEntry.objects.filter(action="TENANT_CHANGED", object_id=tenant.pk).order_by("seq")
    assert list(entries.values_list("facts", flat=True)) == [
        {"fields": ["name", "currency", "support_name"], "currency": ["EUR", "USD"]},
        {"fields": ["language"], "currency": ["USD", "USD"]},
    ]
    assert set(SettingChange.objects.values_list("key", "value", "changed_by")) == {
        ("name", "Acme Shoes", acme.people["admin"].pk),
        ("currency", "USD", acme.people["admin"].pk),
        ("support_name", "Acme support", acme.people["admin"].pk),
        ("language", "de", acme.people["owner"].pk),
    }


def test_colleague_and_other_organisation_cannot_change_it(acme: World) -> None:
    wanted = {"name": "Mine", "currency": "EUR"}
    for role in ("approver", "support", "compliance", "viewer"):
        with pytest.raises(Refused):
            change_organisation(actor=acme.actor(role), tenant_id=acme.acme.pk, **wanted)
        with pytest.raises(Refused):
            save_logo(actor=acme.actor(role), logo=photo())
        with pytest.raises(Refused):
            remove_logo(actor=acme.actor(role))
    with pytest.raises(NotFound):
        change_organisation(actor=acme.actor("owner"), tenant_id=acme.globex.pk, **wanted)
    with tenant_scope(acme.globex.pk):
        assert (Tenant.objects.get().name, SettingChange.objects.exists()) == ("Globex", False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "\0 "), ("name", "A\ud800"), ("currency", "E1R"), ("currency", "EU"), ("currency", "ЕUR"),
        ("language", "xx"), ("support_name", "Desk <desk@evil.example>"), ("support_name", "De\u202esk"),
        ("support_name", "x" * 61),
    ],
)  # fmt: skip
def test_what_cannot_be_a_setting_changes_nothing(acme: World, field: str, value: str) -> None:
    given: dict[str, Any] = {"name": "Other", field: value}
    with pytest.raises(Invalid) as problem:
        change_organisation(actor=acme.actor("owner"), tenant_id=acme.acme.pk, **given)
    assert list(problem.value.facts["fields"]) == [field]
    assert (Tenant.objects.get().name, SettingChange.objects.exists()) == ("Acme", False)


def test_owner_changes_it_on_its_page(world: World, browser: Browser) -> None:
    client = browser("owner")
    page = client.get(PAGE).content.decode()
    assert ("<h1>General</h1>" in page, "UTC" in page or "Europe" in page) == (True, True)
    wanted = {"name": "Acme Shoes", "support_name": "", "language": "en", "currency": "E1R"}
    answer = client.post(f"{PAGE}{world.acme.pk}/edit/", wanted)
    assert "three capital letters" in answer.content.decode()
    answer = client.post(f"{PAGE}{world.acme.pk}/edit/", {**wanted, "currency": "EUR"}, follow=True)
    page = answer.content.decode()
    assert (answer.redirect_chain[-1][0], "Saved." in page) == (PAGE, True)
    assert "Acme Shoes" in page.partition('class="wk-nav"')[0]
    assert "Name: Acme Shoes · Owner Acme" in page


def test_logo_is_redrawn_and_stands_in_chats_that_have_none(world: World, browser: Browser) -> None:
    client, upload = browser("admin"), f"{PAGE}{world.acme.pk}/logo/"
    with tenant_scope(world.acme.pk):
        chat = ChannelAccount.objects.create(kind="webchat", name="Website")
    key = chat.public_key
    for bad in (SimpleUploadedFile("a.png", files.SVG), SimpleUploadedFile("a.png", files.PDF), photo(kind="GIF"), ""):
        assert client.post(upload, {"logo": bad}).status_code == 400
    assert "logo" not in Client().get(f"/widget/v1/look/{key}/").json()
    assert client.post(upload, {"logo": photo()}, follow=True).status_code == 200
    address = Client().get(f"/widget/v1/look/{key}/").json()["logo"]
    shown = Client().get(address).content
    assert (max(Image.open(BytesIO(shown)).size), b"Harbour" in shown) == (96, False)
    assert base64.b64encode(shown).decode() in client.get(PAGE).content.decode()
    with tenant_scope(world.globex.pk):
        assert not OrganisationLogo.objects.exists()
    with tenant_scope(world.acme.pk), CaptureQueriesContext(connection) as asked:
        assert widgets.load(chat.pk) is not None  # as each message does
    assert not any("organisationlogo" in query["sql"] for query in asked)
    assert browser("support").post(upload, {"logo": photo()}).status_code == 403
    removal = f"{PAGE}{world.acme.pk}/remove-logo/"
    assert [client.post(removal).status_code, client.post(removal).status_code] == [302, 409]
    assert "logo" not in Client().get(f"/widget/v1/look/{key}/").json()


def test_new_members_begin_with_its_language_and_emails_with_its_support_name(acme: World) -> None:
    change_organisation(actor=acme.actor("owner"), tenant_id=acme.acme.pk, language="fr", support_name="Acme support")
    user, _ = acme.another("viewer")
    assert Membership.objects.get(user=user).language == "fr"
    assert Membership.objects.get(user=acme.people["viewer"]).language == "en"
    kept = {"api_key": "SG.secret", "from_address": "desk@acme.example"}
    connect_provider(actor=OPERATOR, provider="sendgrid", name="Mail", credentials=kept)
    assert find_route().mailbox.name == "Acme support"


def test_api_reads_changes_and_lists_settings(world: World) -> None:
    owner = caller(world, "owner")
    assert owner.send("patch", "organisation/", {}).status_code == 400
    changed = owner.send("patch", "organisation/", {"name": "Acme Shoes", "language": "de"}).json()
    assert (changed["name"], changed["language"], changed["zone"], changed["logo"], changed["company_sign_in"]) == (
        "Acme Shoes", "de", world.acme.timezone, "", "off",
    )  # fmt: skip
    rule = {"name": "Mine", "second_factor": {"roles": ["owner"], "days": 7}}
    refused = owner.send("patch", "organisation/", rule)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_a_person")
    settings = {one["key"]: one for one in owner.get("organisation/settings/").json()}
    assert list(settings) == [
        "name", "zone", "currency", "language", "support_name", "logo", "second_factor_roles", "company_sign_in",
    ]  # fmt: skip
    assert (settings["name"]["value"], settings["name"]["is_public"]) == ("Acme Shoes", True)
    assert settings["name"]["updated_by"] == str(world.people["owner"].pk)
    assert (settings["currency"]["value"], settings["currency"]["updated_at"]) == ("EUR", None)
    changes = owner.get("organisation/changes/").json()["results"]
    assert {(one["key"], one["value"]) for one in changes} == {("name", "Acme Shoes"), ("language", "de")}
    assert [caller(world, "support").get(f"organisation/{path}").status_code for path in ("", "settings/")] == [403] * 2
    zones: tuple[dict[str, str], ...] = ({"zone": "Mars/Base"}, {"zone": "Europe/Paris", "name": "Other"})
    for wrong in zones:
        refused = owner.send("patch", "organisation/", wrong)
        assert (refused.status_code, list(refused.json()["fields"])) == (400, ["zone"])
    moved = owner.send("patch", "organisation/", {"zone": "Europe/Paris"}).json()
    assert (moved["zone"], moved["name"]) == ("Europe/Paris", "Acme Shoes")


AT = datetime(2026, 5, 31, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "limits", "ends"),
    [
        ("Europe/Paris", "go on with what was used today", "Today ends at 22:00 on 31 May"),
        ("Pacific/Kiritimati", "It is 1 June there already: daily limits start again", "at 10:00 on 1 June"),
        ("Etc/GMT+12", "It is still 30 May there: daily limits go on with", "at 12:00 on 31 May"),
    ],
)
def test_words_say_from_when_a_time_zone_counts(zone: str, limits: str, ends: str) -> None:
    said = what_changes("UTC", zone, AT)
    assert (limits in said[1], ends in said[1], "stay as they were counted" in said[2]) == (True, True, True)


def test_time_zone_counts_for_what_comes_and_is_sealed_with_the_rules(acme: World) -> None:
    owner, tenant_id = acme.actor("owner"), acme.acme.pk
    day = FigureDay.objects.create(metric="messages_in", dimension="total", day=now().date(), n=1, total=3)
    with pytest.raises(Refused):
        change_zone(actor=acme.actor("support"), tenant_id=tenant_id, zone="Europe/Paris")
    with pytest.raises(Refused) as refused:  # an own role that may change settings, but no rules
        change_zone(actor=replace(owner, permissions=frozenset({CHANGE})), tenant_id=tenant_id, zone="Europe/Paris")
    assert refused.value.facts["permission"] == "hitl.manage_workflow"
    with pytest.raises(Invalid):
        change_zone(actor=owner, tenant_id=tenant_id, zone="Mars/Base")
    with pytest.raises(NotFound):
        change_zone(actor=owner, tenant_id=acme.globex.pk, zone="Europe/Paris")
    assert not have_shaped_rules([owner.user_id])  # type: ignore[list-item]
    for _ in range(2):
        change_zone(actor=owner, tenant_id=tenant_id, zone="Pacific/Kiritimati")
    assert tenant_zone_name() == "Pacific/Kiritimati"
    entries = AuditEntry.objects.filter(action="TENANT_ZONE_CHANGED", object_id=tenant_id)
    assert [entry.facts for entry in entries] == [{"zone": [acme.acme.timezone, "Pacific/Kiritimati"]}]
    assert [(row.key, row.value) for row in SettingChange.objects.all()] == [("zone", "Pacific/Kiritimati")]
    assert have_shaped_rules([owner.user_id])  # type: ignore[list-item]
    assert FigureDay.objects.values_list("day", "total").get() == (day.day, 3)
    assert RuleSeals().zone_problem() == ""

    Tenant.objects.filter(pk=tenant_id).update(timezone="Europe/Paris")  # by another hand
    assert RuleSeals().zone_problem() == "time zone (changed)"
    with pytest.raises(Conflict, match="outside Walker"):
        change_zone(actor=owner, tenant_id=tenant_id, zone="Europe/Berlin")


def test_page_says_what_a_time_zone_changes_before_it_is_saved(world: World, browser: Browser) -> None:
    client, page = browser("owner"), f"{PAGE}{world.acme.pk}/zone/"

    def stored() -> str:
        with tenant_scope(world.acme.pk):
            return tenant_zone_name()

    old = stored()
    same = client.post(page, {"zone": old}).content.decode()
    assert ("This is your time zone already." in same, "What changes" in same) == (True, False)
    first = client.post(page, {"zone": "Asia/Tokyo"})
    assert (first.status_code, "What changes" in first.content.decode()) == (200, True)
    other = client.post(page, {"zone": "Asia/Seoul", "confirmed": "Asia/Tokyo"})  # chosen after it was shown
    assert (other.status_code, stored()) == (200, old)
    assert client.post(page, {"zone": "Asia/Tokyo", "confirmed": "Asia/Tokyo"}).status_code == 302
    assert stored() == "Asia/Tokyo"
    assert "Zone: Asia/Tokyo" in client.get(PAGE).content.decode()
    assert browser("support").post(page, {"zone": "Asia/Seoul"}).status_code == 403

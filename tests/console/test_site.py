"""Who may enter the console, and what its lists answer."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.base.actions import actions_of, service_action
from console.base.model_admin import ReadOnlyAdmin, ServiceAdmin
from tests.console.conftest import Browser
from tests.console.scene import build_scene
from tests.world import World

pytestmark = pytest.mark.django_db
AUDIT = "/admin/core/auditentry/"
PEOPLE = "/admin/accounts/membership/"


@pytest.mark.slow
def test_visitor_is_sent_to_sign_in(client: Client) -> None:
    assert client.get("/admin/").url == "/admin/login/?next=/admin/"  # type: ignore[attr-defined]


def test_icon_is_found_by_its_old_name(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert (answer.status_code, "console/mark" in answer["Location"]) == (302, True)


def test_sign_in_page_has_the_two_fields(client: Client) -> None:
    page = client.get("/admin/login/").content.decode()
    assert 'name="username"' in page
    assert 'name="password"' in page


@pytest.mark.slow
def test_member_without_a_membership_is_refused(browser: Browser, world: World) -> None:
    client = browser("viewer")
    from core.tenancy.scope import tenant_scope

    with tenant_scope(world.acme.pk):
        world.people["viewer"].memberships.update(is_active=False)
    assert client.get("/admin/login/").status_code == 403


@pytest.mark.slow
@pytest.mark.parametrize("role", ["owner", "admin", "approver", "support", "compliance", "viewer"])
def test_dashboard_opens_for_every_role(browser: Browser, role: str) -> None:
    assert browser(role).get("/admin/").status_code == 200


@pytest.mark.slow
def test_dashboard_tells_each_person_what_he_was_told(browser: Browser, world: World) -> None:
    build_scene(world)
    told = {role: "Needs your approval" in browser(role).get("/admin/").content.decode() for role in world.people}
    assert {role for role, was_told in told.items() if was_told} == {"approver", "admin"}


def test_only_our_admins_are_registered(pages: dict[Any, Any]) -> None:
    assert len(pages) > 50
    assert all(isinstance(entry, ReadOnlyAdmin) for entry in pages.values())


@pytest.mark.slow
def test_navigation_hides_what_the_role_may_not_open(browser: Browser) -> None:
    assert AUDIT not in browser("viewer").get("/admin/").content.decode()


def test_page_without_the_right_is_forbidden(browser: Browser) -> None:
    assert browser("viewer").get(AUDIT).status_code == 403


@pytest.mark.parametrize("path", [AUDIT, PEOPLE, "/admin/accounts/apikey/"])
def test_list_opens_for_an_admin(browser: Browser, path: str) -> None:
    assert browser("admin").get(path).status_code == 200


@pytest.mark.parametrize("query", ["user__email__startswith=o", "user__email=x", "tenant_id=1", "id__gt=1"])
def test_undeclared_look_up_is_refused(browser: Browser, query: str) -> None:
    answer = browser("admin").get(f"{PEOPLE}?{query}")
    assert (answer.status_code, "Go to the dashboard" in answer.content.decode()) == (400, True)


@pytest.mark.slow
def test_scopes_of_a_key_are_offered_by_area(browser: Browser) -> None:
    page = browser("owner").get("/admin/accounts/apikey/create/").content.decode()
    areas = [page.index(f"<label>{area}</label>") for area in ("Approvals", "Agents", "Audit and failed jobs")]
    assert areas == sorted(areas)
    assert areas[0] < page.index("(hitl.view_approval)") < areas[1] < page.index("(agents.view_agent)") < areas[2]


def test_addresses_of_people_are_masked(browser: Browser, world: World) -> None:
    page = browser("admin").get(PEOPLE).content.decode()
    assert "Owner Acme" in page
    assert not re.search(r"owner@acme\.example", page)


def test_people_of_another_tenant_are_absent(browser: Browser) -> None:
    assert "Globex" not in browser("admin").get(PEOPLE).content.decode()


def test_page_of_another_tenants_row_is_not_found(browser: Browser, world: World) -> None:
    from core.tenancy.scope import tenant_scope

    with tenant_scope(world.globex.pk):
        membership = world.outsiders["viewer"].memberships.get()
    assert browser("owner").get(reverse("admin:accounts_membership_change", args=[membership.pk])).status_code == 404


@pytest.mark.parametrize("name", ["add/", "password_change/", "search/?s=a", "autocomplete/", "r/1/1/"])
def test_pages_that_are_not_ours_do_not_exist(browser: Browser, name: str) -> None:
    assert browser("owner").get(f"/admin/{name}").status_code == 404


def test_posting_to_a_list_is_refused(browser: Browser) -> None:
    assert browser("owner").post(PEOPLE, {"action": "delete_selected"}).status_code == 405


def test_fragment_has_no_document_around_it(browser: Browser) -> None:
    page = browser("admin").get(AUDIT, headers={"X-Walker-Fragment": "1"}).content.decode()
    assert 'id="live-list"' in page
    assert "<html" not in page


def test_page_carries_a_strict_policy(browser: Browser) -> None:
    policy = browser("admin").get("/admin/")["Content-Security-Policy"]
    assert "unsafe" not in policy


@pytest.mark.slow
def test_page_has_no_inline_script_or_style(browser: Browser) -> None:
    page = browser("admin").get("/admin/").content.decode()
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", page)


def rows_of(page: str) -> dict[str, str]:
    """Return the text of each row of a list by its first words, after the initials."""
    page = re.sub(r'<span class="wk-avatar".*?</span>', "", page)
    rows = [re.sub(r"<[^>]+>|\s+", " ", row) for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL)]
    return {" ".join(row.split()[:2]): " ".join(row.split()) for row in rows}


def test_people_show_a_missing_second_factor_where_the_role_signs_or_erases(browser: Browser, world: World) -> None:
    rows = rows_of(browser("admin").get(PEOPLE).content.decode())
    told = {role for role in world.people if "Not set up" in rows[f"{role.title()} Acme"]}
    assert told == {"owner", "admin", "approver", "compliance"}


def test_people_of_one_name_are_told_apart_without_their_address(browser: Browser, world: World) -> None:
    twins = [world.people["support"], world.people["viewer"]]
    for number, user in enumerate(twins):
        email = ("sam@acme.example", "sue@elsewhere.example")[number]
        type(user).objects.filter(pk=user.pk).update(first_name="Sam", last_name="Lee", email=email)
    page = browser("admin").get(PEOPLE).content.decode()
    assert all(f"id …{str(user.pk)[-6:]}" in page for user in twins)
    assert ("s•••@acme.example · id" in page, "s•••@e•••.example · id" in page) == (True, True)
    assert "sam@" not in page
    assert f"id …{str(world.people['owner'].pk)[-6:]}" not in page


def test_own_membership_says_that_it_is_ones_own(browser: Browser) -> None:
    rows = rows_of(browser("admin").get(PEOPLE).content.decode())
    assert [name for name, row in rows.items() if "· you" in row] == ["Admin Acme"]


def test_action_without_a_method_is_refused_when_its_admin_is_made() -> None:
    with pytest.raises(TypeError, match="Idle: service_action without a method: wait"):
        type("Idle", (ServiceAdmin,), {"wait": service_action(title="Wait", permission="")})


def test_action_is_found_under_its_name_in_the_class_unless_it_names_a_path() -> None:
    class Lamp:
        @service_action(title="On", permission="")
        def turn_on(self, *_: object) -> str:
            return "on"

        @service_action(path="off", title="Off", permission="")
        def turn_off(self, *_: object) -> str:
            return "off"

    assert list(actions_of(Lamp)) == ["turn-on", "off"]

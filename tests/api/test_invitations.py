"""Inviting over the API."""

from datetime import timedelta

import pytest
from django.conf import settings

from accounts.models import User
from core.clock import now
from tests.api.office import Office
from tests.world import prove

OFFERS = "members/invitations/"
ANA = {"email": "ana@new.example", "name": "Ana", "role": "viewer"}


@pytest.mark.slow
def test_invitation_is_answered_masked_and_listed(office: Office) -> None:
    admin = office.caller("admin")
    made = admin.post(OFFERS, ANA).json()
    assert (made["state"], made["role"], made["round"]) == ("open", "viewer", 1)
    assert ANA["email"] not in str(made)
    assert admin.get(OFFERS, standing="true").json()["results"] == [made]
    assert office.outsider().get(OFFERS).json()["results"] == []


@pytest.mark.slow
def test_invitation_is_sent_again_and_taken_back(office: Office) -> None:
    admin = office.caller("admin")
    where = f"{OFFERS}{admin.post(OFFERS, ANA).json()['id']}/"
    assert admin.post(f"{where}resend/").json()["round"] == 2
    assert office.outsider().post(f"{where}withdraw/").status_code == 404
    assert admin.post(f"{where}withdraw/").json()["state"] == "withdrawn"
    assert admin.post(f"{where}resend/").json()["code"] == "over"


@pytest.mark.slow
def test_refusals_say_why(office: Office) -> None:
    admin = office.caller("admin")
    asked = [{**ANA, "role": "owner"}, {**ANA, "email": "viewer@acme.example"}, {**ANA, "role": "king"}]
    answers = [admin.post(OFFERS, body) for body in asked]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [
        (403, "role_above_yours"),
        (409, "already_member"),
        (400, "invalid"),
    ]


def test_key_gives_no_role_beyond_its_scopes(office: Office) -> None:
    narrow = office.caller("owner", ["accounts.manage_membership"])
    assert narrow.post(OFFERS, ANA).json()["code"] == "role_above_yours"


@pytest.mark.slow
def test_session_gives_a_role_that_signs_only_soon_after_the_password(office: Office) -> None:
    browser = office.browser("owner")
    browser.get("/admin/")
    headers = {"X-CSRFToken": browser.cookies[settings.CSRF_COOKIE_NAME].value}
    found = []
    for ago in (301, 10):
        prove(browser, ago=ago)
        answer = browser.post(f"/api/v1/{OFFERS}", {**ANA, "role": "approver"}, "application/json", headers=headers)
        found.append((answer.status_code, answer.json().get("code")))
    assert found == [(403, "confirm_first"), (201, None)]


def test_members_are_listed_by_name_and_role_without_their_address(office: Office) -> None:
    admin = office.caller("admin")
    found = admin.get("members/", role="support", is_active="true").json()["results"]
    assert [(one["role"], one["is_active"], one["own_teams_only"]) for one in found] == [("support", True, False)]
    assert admin.get(f"members/{found[0]['id']}/").json() == found[0]
    assert found[0]["person"]["name"]
    # A sign-in of before they joined was one elsewhere.
    person, seen = office.world.people["support"], []
    for ago in (timedelta(days=9), timedelta()):
        User.objects.filter(pk=person.pk).update(last_login=now() - ago)
        seen.append(admin.get(f"members/{found[0]['id']}/").json()["last_login_at"])
    assert (seen[0], seen[1] is not None) == (None, True)
    assert "@" not in str(admin.get("members/").json())
    assert office.outsider().get(f"members/{found[0]['id']}/").status_code == 404
    assert admin.get("members/", role="king").status_code == 400

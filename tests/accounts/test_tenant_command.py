"""The command that opens an organisation without the demo, adds members, and switches it off."""

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts import selectors, services
from accounts.models import User
from agents.models import Agent
from core.errors import Invalid, Refused
from core.tenancy.scope import tenant_scope
from tests.world import OPERATOR, World

pytestmark = pytest.mark.django_db
OWNER = "rosa@initech.example"


def tenant(*arguments: str) -> str:
    output = StringIO()
    call_command("tenant", *arguments, stdout=output)
    return output.getvalue()


@pytest.fixture
def opened() -> str:
    """What the command said when it opened an organisation."""
    return tenant("create", "initech", "--name", "Initech", "--email", OWNER, "--first-name", "Rosa")


def test_owner_of_an_opened_organisation_signs_in_to_the_console(opened: str, client: Client) -> None:
    password = re.findall(r"shown this once: (\S+)", opened)[0]
    client.post("/admin/login/", {"username": OWNER, "password": password})
    page = client.get("/admin/").content.decode()
    assert "Hello, Rosa" in page


def test_opened_organisation_has_its_owner_and_one_agent(opened: str) -> None:
    [membership] = selectors.memberships_of(User.objects.get(email=OWNER).pk)
    with tenant_scope(membership.tenant_id):
        assert (membership.role, Agent.objects.count()) == ("owner", 1)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--name", "Again", "--email", "x@y.example"], "initech' already"),
        (["--name", "New", "--email", "nobody"], "valid email address"),
        (["--name", "New", "--email", "x@y.example", "--timezone", "Mars/Base"], "no time zone"),
        (["--name", "New", "--email", "x@y.example", "--currency", "euro"], "capital letters|at most 3"),
        (["--email", "x@y.example"], "name"),
    ],
)
def test_what_cannot_be_opened_is_said_and_changes_nothing(opened: str, more: list[str], words: str) -> None:
    slug = "initech" if "Again" in more else "other"
    with pytest.raises(CommandError, match=words):
        tenant("create", slug, *more)
    assert tenant("list") == "initech\ton\tInitech\n"
    assert User.objects.count() == 1


def test_person_who_has_a_membership_elsewhere_keeps_his_password(opened: str, world: World) -> None:
    said = tenant("member", "initech", "--email", world.people["approver"].email, "--role", "viewer")
    assert "the password there is" in said
    assert {membership.role for membership in selectors.memberships_of(world.people["approver"].pk)} == {
        "approver",
        "viewer",
    }


def test_organisation_switched_off_is_not_found_until_it_is_on_again(opened: str) -> None:
    owner = User.objects.get(email=OWNER)
    found = []
    for action in ("off", "on"):
        tenant(action, "initech")
        found.append(len(selectors.memberships_of(owner.pk)))
    assert found == [0, 1]


def test_membership_needs_an_organisation_and_a_role(opened: str) -> None:
    with pytest.raises(CommandError, match="no tenant"):
        tenant("member", "nowhere", "--email", OWNER, "--role", "viewer")
    with pytest.raises(CommandError, match="--role"):
        tenant("member", "initech", "--email", OWNER)


def test_person_is_made_by_operators_only_and_once(acme: World) -> None:
    with pytest.raises(Refused):
        services.create_person(actor=acme.actor("owner"), email="new@acme.example")
    with pytest.raises(Invalid, match="already in use"):
        services.create_person(actor=OPERATOR, email=acme.people["owner"].email.upper())

"""One person in two organisations whose providers are both hostile: neither opens the other's, nor ends it."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from accounts.company.protocol import LOGOUT
from accounts.models import Tenant, User
from accounts.services import add_member
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.accounts.company.issuer import CLIENT, KEYS, Issuer, arrive, connect, is_in, jwk_of, link_in, path_of
from tests.accounts.resets.resetting import person_of
from tests.accounts.tokens.devices import Device
from tests.console.test_sign_in import sign_in
from tests.rows import check_rows
from tests.world import OPERATOR, World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
SUB, SESSION = "ana", "one"
"""What both providers call the person, and a session of theirs."""


@dataclass
class Side:
    """An organisation with its provider, and what the person has open there."""

    tenant: Tenant
    issuer: Issuer
    person: User
    browser: Client = field(default_factory=Client)
    device: Device = field(default_factory=Device)

    @property
    def start(self) -> str:
        return f"/sign-in/company/{self.tenant.slug}/"

    def connect(self) -> None:
        """Let the person connect their account at the company."""
        own = Client()
        sign_in(own, self.person)
        own.get(path_of(self.issuer.allow(link_in(own.get(self.start)), SUB)), follow=True)

    def arrive(self) -> None:
        """Let the person sign in at the company and in an app."""
        self.browser = Client()
        arrive(self.issuer, self.browser, SUB, slug=self.tenant.slug, sid=SESSION)
        assert self.device.sign_in(self.person, organisation=self.tenant.slug).status_code == 200

    def stands(self) -> bool:
        """Tell whether the person is in by all that is open here, and sees this organisation there."""
        page = self.browser.get("/admin/")
        return (page.status_code, self.tenant.name in page.content.decode(), self.device.is_in()) == (200, True, True)

    def back(self, state: str, code: str) -> str:
        """Return the address to which this organisation's provider sends a browser back."""
        return f"{self.start}back/?{urlencode({'state': state, 'code': code})}"

    def end(self, token: str) -> int:
        """Send a logout token to this organisation's door; return the status."""
        return Client(enforce_csrf_checks=True).post(f"{self.start}logout/", {"logout_token": token}).status_code


def begin(side: Side, client: Client) -> tuple[str, str]:
    """Begin to sign in; return the provider's address and the state."""
    begun: Any = client.get(side.start)
    url = begun.url if begun.status_code == 302 else link_in(begun)
    return url, url.partition("&state=")[2].partition("&")[0]


def code_of(back: str) -> str:
    return back.partition("code=")[2]


def signed_by_theirs(theirs: Side) -> Callable[[dict[str, str]], str]:
    """Return what makes the other provider's own token, which a hostile one got somewhere, with our nonce."""
    moment = int(time.time())
    claims = {"iss": theirs.issuer.url, "aud": CLIENT, "sub": SUB, "iat": moment, "exp": moment + 300}
    return lambda asked: theirs.issuer.sign({**claims, "nonce": asked["nonce"]})


def at_own_door(mine: Side, client: Client, **claims: Any) -> Any:
    return arrive(mine.issuer, client, claims.pop("sub", SUB), slug=mine.tenant.slug, **claims)


def own_code_at_theirs(mine: Side, theirs: Side, client: Client) -> Any:
    url, _ = begin(mine, Client())
    _, state = begin(theirs, client)
    return client.get(theirs.back(state, code_of(mine.issuer.allow(url, SUB))))


def their_state_at_own_door(mine: Side, theirs: Side, client: Client) -> Any:
    begin(mine, client)
    _, state = begin(theirs, client)
    url, _ = begin(mine, client)
    return client.get(mine.back(state, code_of(mine.issuer.allow(url, SUB))))


def own_state_at_theirs(mine: Side, theirs: Side, client: Client) -> Any:
    url, state = begin(mine, client)
    begin(theirs, client)
    return client.get(theirs.back(state, code_of(mine.issuer.allow(url, SUB))))


def code_that_was_led_away(mine: Side, theirs: Side, client: Client, forget: Callable[[], None]) -> Any:
    """Let the hostile provider lead people to the other one, and bring the code that it learns so to its door."""
    forget()
    mine.issuer.about = {"authorization_endpoint": f"{theirs.issuer.url}/auth"}
    url, _ = begin(mine, Client())
    mine.issuer.about = {}
    forget()
    learned = code_of(theirs.issuer.allow(url, SUB))
    _, state = begin(theirs, client)
    return client.get(theirs.back(state, learned))


def in_own_session(mine: Side, theirs: Side) -> Any:
    """Come to the other organisation's door out of a session that the hostile provider made."""
    client = Client()
    at_own_door(mine, client)
    assert "Connect" not in client.get(theirs.start).content.decode()
    answer = own_code_at_theirs(mine, theirs, client)
    client.post("/account/tenant/", {"tenant": str(theirs.tenant.pk)})
    assert theirs.tenant.name not in client.get("/admin/").content.decode()
    assert client.session["company"][0] == mine.tenant.pk.hex
    # Nor is what is the person's own in all organisations one provider's to change or to end.
    own = Client()
    sign_in(own, mine.person)
    name = {"first_name": "Eve", "last_name": "Evil"}
    assert client.post(f"/admin/accounts/user/{mine.person.pk}/change-name/", name).status_code in (403, 404)
    client.post("/admin/accounts/browsersession/end-others/")
    assert is_in(own)
    return answer


def test_neither_of_two_hostile_providers_opens_or_ends_what_is_the_others(
    world: World, issuer: Issuer, other_issuer: Issuer, forget: Callable[[], None]
) -> None:
    person = person_of(world)
    person.last_name = "Both"  # their own pages show it, and no organisation's name
    person.save()
    with tenant_scope(world.globex.pk):
        add_member(actor=OPERATOR, user=person, role="approver")
    # Both call their key the same.
    other_issuer.key, other_issuer.keys = KEYS[1], [jwk_of(KEYS[1], "one")]
    connect(world, issuer, creates_people=True)
    connect(world, other_issuer, tenant=world.globex, creates_people=True)
    sides = (Side(world.acme, issuer, person), Side(world.globex, other_issuer, person))
    for side in sides:
        side.connect()
    own = Client()
    sign_in(own, person)

    def attack(mine: Side, theirs: Side) -> None:
        victim = world.people["owner"] if theirs.tenant == world.acme else world.outsiders["owner"]
        ways: dict[str, Callable[[Client], Any]] = {
            "their issuer": lambda client: at_own_door(mine, client, iss=theirs.issuer.url),
            "a token that they signed": lambda client: at_own_door(mine, client, raw=signed_by_theirs(theirs)),
            "the person's address": lambda client: at_own_door(mine, client, sub="eve", email=person.email),
            "another state's code": lambda client: own_code_at_theirs(mine, theirs, client),
            "their state": lambda client: their_state_at_own_door(mine, theirs, client),
            "its own state": lambda client: own_state_at_theirs(mine, theirs, client),
            "a code led away": lambda client: code_that_was_led_away(mine, theirs, client, forget),
        }

        def refuse(name: str) -> None:
            client = Client()
            answer = ways[name](client)
            assert (answer.status_code, is_in(client)) == (403, False), answer.content

        check_rows(ways, refuse)
        # Whom it makes itself is somebody new, of its own organisation alone.
        stranger = Client()
        at_own_door(mine, stranger, sub=str(person.pk), email=f"{victim.pk}@{victim.email.partition('@')[2]}")
        assert stranger.session["_auth_user_id"] not in (str(person.pk), str(victim.pk))
        assert theirs.tenant.name not in stranger.get("/admin/").content.decode()
        assert in_own_session(mine, theirs).status_code == 403
        mine.arrive()  # that session has ended the others of its own organisation

        moment = int(time.time())
        told = {"iat": moment, "exp": moment + 120, "events": {LOGOUT: {}}, "aud": CLIENT, "sub": SUB, "sid": SESSION}
        for claims in ({"iss": mine.issuer.url}, {"iss": theirs.issuer.url}):
            token = mine.issuer.sign({**told, **claims, "jti": secrets.token_hex(8)})
            assert theirs.end(token) == 400
        # Nor is the other's token worth something at its own door, or used up by having been brought there.
        real = theirs.issuer.logout_token(sub="somebody else")
        assert (mine.end(real), theirs.end(real), theirs.end(real)) == (400, 200, 400)
        assert (mine.stands(), theirs.stands()) == (True, True)
        assert mine.end(mine.issuer.logout_token(sub=SUB)) == 200
        assert (is_in(mine.browser), mine.device.is_in(), theirs.stands()) == (False, False, True)
        assert is_in(own)

    def ends(side: Side) -> int:
        with tenant_scope(side.tenant.pk):
            return AuditEntry.objects.filter(action="COMPANY_SESSIONS_ENDED").count()

    for mine, theirs in (sides, sides[::-1]):
        for side in sides:
            side.arrive()
        before = ends(theirs)
        attack(mine, theirs)
        assert ends(theirs) == before

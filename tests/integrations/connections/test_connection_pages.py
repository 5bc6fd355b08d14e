"""The console's pages and the API of connections: forms from credentials, consent, rights, and no secret anywhere."""

import html
import logging
import re
from typing import Any

import pytest
from django.test import Client

from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from integrations.connections import services
from integrations.models import ProviderAccount
from integrations.schemes import Bearer
from tests.edge.ads_fixture import GoogleAds
from tests.integrations.connections.conftest import CANARY, Liar, Register, consented, visit
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
LIST = "/admin/integrations/provideraccount/"
API = "/api/v1/connections/"


def sign_in(person: Any) -> Client:
    """Return a browser of a person."""
    client = Client()
    client.force_login(person, backend="accounts.backends.RoleBackend")
    return client


def test_system_is_connected_tested_rotated_and_disconnected_and_no_answer_holds_its_secret(
    acme: World, liar: Liar, shop: Register, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shop(Bearer())
    owner = sign_in(acme.people["owner"])
    seen: list[str] = []

    def page(method: str, path: str, data: Any = None, **more: Any) -> str:
        answer = getattr(owner, method)(path, data, follow=True, **more)
        seen.append(answer.content.decode())
        return html.unescape(seen[-1])

    assert "Shop" in page("get", f"{LIST}connect/")
    second = page("post", f"{LIST}connect/", {"provider": "shop"})
    assert ("Token" in second, "<h1>Connect Shop</h1>" in second, "one reading call" in second) == (True, True, True)
    typed = {"provider": "shop", "of_provider": "shop", "name": "Shop One", "credential_token": CANARY}
    liar.say({}, 401)
    assert "doesn't accept these credentials" in page("post", f"{LIST}connect/", typed)
    assert not ProviderAccount.objects.exists()
    liar.say({"name": "Shop of Acme"})
    assert "“Shop One” is connected." in page("post", f"{LIST}connect/", typed)
    row = ProviderAccount.objects.get()
    one = f"{LIST}{row.pk}/"
    assert "It works: Shop of Acme." in page("post", f"{one}test/")
    assert "in use" in page("post", f"{one}rotate/", {"credential_token": f"{CANARY}-2"})
    assert "name was saved" in page("post", f"{one}rename/", {"name": "Shop Two"})
    assert {"Shop Two", "Connected"} <= set(re.findall(r"Shop Two|Connected", page("get", LIST)))

    def ask(path: str, data: Any = None, **more: Any) -> Any:
        answer = owner.post(f"{API}{path}", data, "application/json") if data is not None else owner.get(f"{API}{path}")
        seen.append(answer.content.decode())
        assert answer.status_code == more.get("status", 200), seen[-1]
        return answer.json()

    assert [each["name"] for each in ask("")["results"]] == ["Shop Two"]
    assert ask(f"{row.pk}/test/", {}) == {"is_working": True, "code": "", "words": "Shop of Acme"}
    assert ask(f"{row.pk}/rotate/", {"credentials": {"token": f"{CANARY}-3"}})["state"] == "active"
    ask(f"{row.pk}/rotate/", {"credentials": {"token": f"{CANARY}\n"[:-1] + "\x01"}}, status=400)
    ask("", {"provider": "shop", "name": "Shop Two", "credentials": {"token": CANARY}}, status=409)
    made = ask("", {"provider": "shop", "name": "Three", "credentials": {"token": CANARY}}, status=201)
    assert (made["is_default"], "credentials" in made) == (False, False)
    ask(f"{row.pk}/disconnect/", {}, status=409)
    paused = ask(f"{row.pk}/pause/", {"reason": "A look at the bills"})
    assert (paused["paused_reason"], paused["paused_at"] is None) == ("A look at the bills", False)
    assert ask(f"{row.pk}/pause/", {"reason": ""}, status=400)["fields"]["reason"]
    ask(f"{row.pk}/pause/", {"reason": "Again"}, status=409)
    assert ask(f"{row.pk}/resume/", {"reason": "All is well"})["paused_at"] is None
    ask(f"{row.pk}/rename/", {"name": "Three"}, status=409)
    assert ask(f"{row.pk}/rename/", {"name": "Shop Zero"})["name"] == "Shop Zero"
    assert ask(f"{made['id']}/make-default/", {})["is_default"]
    assert ask(f"{row.pk}/make-default/", {})["is_default"]
    assert ask(f"{row.pk}/choose/", {"external_id": "1"}, status=409)["code"] == "nothing_to_choose"
    three = ProviderAccount.objects.get(name="Three")
    assert ask(f"{three.pk}/disconnect/", {})["state"] == "disconnected"
    assert ask(f"{three.pk}/reconnect/", {"credentials": {"token": f"{CANARY}-4"}})["state"] == "active"
    assert "is disconnected" in page("post", f"{LIST}{three.pk}/disconnect/")
    told = [str(entry.facts) for entry in AuditEntry.objects.all()]
    assert [text[:200] for text in [*seen, *told, caplog.text, str(row)] if CANARY in text] == []


def test_consent_goes_from_the_console_to_the_vendor_and_back(acme: World, google: GoogleAds) -> None:
    owner = sign_in(acme.people["owner"])
    typed = {"provider": "google_ads", "of_provider": "google_ads", "name": "Shoes"}
    text = html.unescape(owner.post(f"{LIST}connect/", typed).content.decode())
    assert "read and change your campaigns" in text
    [url] = re.findall(r'href="(http[^"]+/o/oauth2/v2/auth[^"]+)"', text)

    class Seen:
        """What the page links to."""

    Seen.url = url  # type: ignore[attr-defined]
    said = visit(google, Seen, person="acme")  # type: ignore[arg-type]
    stranger = sign_in(acme.people["admin"]).get("/admin/connections/callback/", said)
    assert (stranger.status_code, "another sign-in" in stranger.content.decode()) == (403, True)
    assert Client().get("/admin/connections/callback/", said).status_code == 302
    back = owner.get("/admin/connections/callback/", said, follow=True)
    chosen_later = back.content.decode()
    assert ("Choose which account" in chosen_later, "Pause updates" in chosen_later) == (True, False)
    row = ProviderAccount.objects.get()
    assert owner.get(f"{API}{row.pk}/").json()["choices"] == row.choices
    wrong = owner.post(f"{API}{row.pk}/choose/", {"external_id": "1"}, "application/json")
    assert (wrong.status_code, list(wrong.json()["fields"])) == (400, ["external_id"])
    chosen = owner.post(f"{API}{row.pk}/choose/", {"external_id": row.choices[0]["id"]}, "application/json").json()
    assert (chosen["state"], chosen["external_id"], chosen["choices"]) == ("active", row.choices[0]["id"], [])
    used = owner.get("/admin/connections/callback/", said)
    assert (used.status_code, "was used before" in used.content.decode()) == (409, True)
    for secret in (said["code"], said["state"]):
        assert secret not in used.content.decode()
    again = owner.post(f"{LIST}{row.pk}/reconnect/")
    assert "Continue to Google Ads" in again.content.decode()
    assert owner.post(f"{API}{row.pk}/rotate/", {"credentials": {}}, "application/json").status_code == 409
    google.control("withdraw", {"person": "acme"})
    row.refresh_from_db()
    ProviderAccount.objects.filter(pk=row.pk).update(credentials={**row.credentials, "access_ends": 1})
    failed = owner.post(f"{LIST}{row.pk}/test/", follow=True).content.decode()
    assert "This connection has expired." in failed
    assert "withdrawn" in failed


def test_viewer_and_other_organisation_neither_see_nor_change_a_connection(acme: World, google: GoogleAds) -> None:
    row = consented(acme, google)
    outsider, viewer, auditor = (
        sign_in(person) for person in (acme.outsiders["owner"], acme.people["viewer"], acme.people["compliance"])
    )
    pages = [f"{LIST}{row.pk}/", *(f"{LIST}{row.pk}/{path}/" for path in ("test", "rename", "disconnect"))]
    doors = [f"{API}{row.pk}/{path}/" for path in ("rotate", "reconnect")]
    assert [outsider.get(path).status_code for path in pages] == [404] * 4
    assert [viewer.get(path).status_code for path in pages] == [403] * 4
    assert [auditor.get(path).status_code for path in pages] == [200, 403, 403, 403]
    for client, status in ((outsider, 404), (viewer, 403), (auditor, 403)):
        answers = [client.post(path, {"credentials": {}}, "application/json") for path in doors]
        assert [answer.status_code for answer in answers] == [status] * 2
    assert outsider.get(LIST).status_code == 200
    assert row.name not in outsider.get(LIST).content.decode()
    assert viewer.get("/admin/connections/callback/?state=x&code=y").status_code == 403
    with tenant_scope(acme.globex.pk):
        assert not ProviderAccount.objects.exists()
    assert services.test_connection(actor=acme.actor("owner"), connection_id=row.pk).is_working

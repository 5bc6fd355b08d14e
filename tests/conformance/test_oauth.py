"""Our client of OAuth 2 before oidc-provider, which ends a consent when a refresh token is used twice."""

import html
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit, urlunsplit

import httpx2
import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import Settings

from accounts.models import Notice
from core.tenancy.scope import tenant_scope
from integrations.connections import providers, services
from integrations.connections.authorisation import authorise
from integrations.connections.consents import callback_url
from integrations.connections.errors import CONNECTING, WORDS, ConnectionFailed
from integrations.connections.providers import Provider
from integrations.models import ProviderAccount
from integrations.schemes import Consent, OAuthApp, Scope
from tests.conformance.conftest import serving
from tests.edge.ads_fixture import PUBLIC
from tests.edge.ports import free_port
from tests.edge.standin_process import ROOT
from tests.hitl.machine.test_races import at_once
from tests.integrations.connections.conftest import Nothing, age, read
from tests.integrations.connections.test_connection_pages import LIST, sign_in
from tests.world import World

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]
KEY = "vendor"
APP = OAuthApp("walker", "a secret of the tests")
SCOPES = (
    Scope("openid", "see who you are"),
    Scope("offline_access", "work while you are away"),
    Scope("campaigns", "read your campaigns"),
)
TRIALS = 50
USED_TWICE = "refresh token already used"


def vendor_at(url: str) -> Provider:
    """Return the vendor as a provider, at an address."""
    return Provider(
        key=KEY,
        title="Vendor",
        credentials=Nothing,
        scheme=Consent(
            consent_url=lambda: f"{url}/auth",
            token_url=lambda: f"{url}/token",
            app=lambda: APP,
            scopes=SCOPES,
            asked={"prompt": "consent"},
        ),
        check=lambda _kept, authorise: str(read(authorise, f"{url}/me")["sub"]),
        own_hosts=lambda: ["127.0.0.1"],
    )


@dataclass(frozen=True)
class Vendor:
    """The running judge."""

    url: str
    log: Path

    def refusals(self) -> list[str]:
        """Return why codes and refresh tokens were refused, oldest first."""
        return re.findall(r"^refused: (.+)$", self.log.read_text(), re.MULTILINE)

    def revoke(self, token: str) -> None:
        """End a consent, as its person does (RFC 7009)."""
        form = {"token": token, "client_id": APP.client_id, "client_secret": APP.client_secret}
        assert httpx2.post(f"{self.url}/token/revocation", data=form, trust_env=False).status_code == 200


@pytest.fixture
def vendor(node_tools: Path, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """The judge, registered as a provider."""
    settings.PUBLIC_URL = PUBLIC
    modules, port, log = node_tools / "node_modules", free_port(), tmp_path / "log"
    judge = Path(__file__).with_name("judges") / "oidc_provider.mjs"
    command = [str(modules / "node" / "bin" / "node"), str(judge), str(modules), str(port), callback_url()]
    with serving(command, f"http://127.0.0.1:{port}", log) as url:
        monkeypatch.setitem(providers._providers, KEY, vendor_at(url))
        yield Vendor(url, log)


def visit(url: str, *, allows: bool = True) -> dict[str, str]:
    """Sign in at the vendor, allow or cancel what is asked, and return what the callback is told."""
    with httpx2.Client(trust_env=False, timeout=20) as browser:
        answer = browser.get(url)
        while not (place := answer.headers.get("Location", "")).startswith(f"{PUBLIC}/"):
            if place:
                answer = browser.get(urljoin(str(answer.url), place))
                continue
            ((action, step),) = re.findall(r'action="([^"]+)".*?name="prompt" value="(\w+)"', answer.text, re.DOTALL)
            if step == "consent" and not allows:
                answer = browser.get(f"{answer.url}/abort")
            else:
                form = {"prompt": step, "login": "ana", "password": "any"}
                answer = browser.post(html.unescape(action), data=form)
    return {name: values[0] for name, values in parse_qs(urlsplit(place).query).items()}


def way_to_the_vendor(owner: Client, row: ProviderAccount | None = None, name: str = "Vendor") -> str:
    """Return where the console leads a person who connects the vendor, or reconnects it."""
    typed = {} if row else {"provider": KEY, "of_provider": KEY, "name": name}
    page = owner.post(f"{LIST}{row.pk}/reconnect/" if row else f"{LIST}connect/", typed).content.decode()
    (url,) = re.findall(r'href="(http[^"]+/auth\?[^"]+)"', page)
    return html.unescape(url)


def come_back(owner: Client, said: dict[str, str]) -> str:
    """Return the page of the console to which a person comes back."""
    return html.unescape(owner.get(urlsplit(callback_url()).path, said, follow=True).content.decode())


@pytest.fixture
def owner(committed_world: World) -> Client:
    """The browser of an owner."""
    return sign_in(committed_world.people["owner"])


@pytest.fixture
def row(vendor: Vendor, committed_world: World, owner: Client) -> Iterator[ProviderAccount]:
    """A connection that an owner made, in the scope of their organisation."""
    assert "“Vendor” is connected." in come_back(owner, visit(way_to_the_vendor(owner)))
    with tenant_scope(committed_world.acme.pk):
        yield ProviderAccount.objects.get()


def works(world: World, row: ProviderAccount) -> bool:
    """Use a connection at the vendor."""
    found = services.test_connection(actor=world.actor("owner"), connection_id=row.pk)
    return (found.is_working, found.words) == (True, "ana")


def renewal_fails(row: ProviderAccount) -> str:
    """Return the code with which the next renewal ends."""
    age(row)
    with pytest.raises(ConnectionFailed) as failed:
        authorise(row, "GET", PUBLIC)
    row.refresh_from_db()
    return failed.value.code


def kill_a_worker(vendor: Vendor, row: ProviderAccount, place: str) -> None:
    """Let a worker process come to a place of a renewal, and kill it there."""
    url = urlsplit(os.environ["DATABASE_URL"])
    here = urlunsplit(url._replace(path=f"/{django_settings.DATABASES['default']['NAME']}"))
    command = [sys.executable, "-m", "tests.conformance.renewing_process", vendor.url, place]
    command += [row.tenant_id.hex, row.pk.hex]
    environment = {**os.environ, "DATABASE_URL": here}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "reached\n"
        finally:
            process.send_signal(signal.SIGKILL)


def test_consent_is_given_in_the_console_with_the_verifier_of_its_own_state(
    row: ProviderAccount, vendor: Vendor, owner: Client, committed_world: World
) -> None:
    assert (row.state, row.is_default, works(committed_world, row)) == ("active", True, True)
    assert row.credentials["refresh_token"]
    cancelled = visit(way_to_the_vendor(owner, name="Two"), allows=False)
    assert cancelled["error"] == "access_denied"
    assert WORDS["access_denied"] in come_back(owner, cancelled)
    mine, other = (visit(way_to_the_vendor(owner, name=name)) for name in ("Two", "Three"))
    assert CONNECTING["invalid_grant"] in come_back(owner, {**mine, "code": other["code"]})
    assert vendor.refusals() == ["code_verifier does not match code_challenge"]
    assert ProviderAccount.objects.count() == 1


def test_rotated_token_is_stored_before_its_access_token_is_used(row: ProviderAccount, vendor: Vendor) -> None:
    old = row.credentials["refresh_token"]
    age(row)
    headers = authorise(row, "GET", vendor.url)
    (kept,) = at_once([lambda: ProviderAccount.objects.get(pk=row.pk).credentials])
    assert isinstance(kept, dict)
    assert headers == {"Authorization": f"Bearer {kept['access_token']}"}
    assert kept["refresh_token"] not in ("", old)
    assert read(lambda *_: headers, f"{vendor.url}/me")["sub"] == "ana"


def test_two_workers_at_once_never_use_an_old_token(
    row: ProviderAccount, vendor: Vendor, committed_world: World
) -> None:
    seen = {row.credentials["refresh_token"]}
    for _ in range(TRIALS):
        age(row)
        results = at_once([lambda: authorise(row, "GET", vendor.url)] * 2)
        row.refresh_from_db()
        assert results == [{"Authorization": f"Bearer {row.credentials['access_token']}"}] * 2
        seen.add(row.credentials["refresh_token"])
    assert len(seen) == TRIALS + 1
    assert (works(committed_world, row), vendor.refusals()) == (True, [])


def test_worker_killed_before_it_asks_costs_nothing(
    row: ProviderAccount, vendor: Vendor, committed_world: World
) -> None:
    age(row)
    kill_a_worker(vendor, row, "ask_again")
    ProviderAccount.objects.update(lease_until=None)  # as after its end
    assert (works(committed_world, row), vendor.refusals()) == (True, [])


def test_worker_killed_between_the_answer_and_its_commit_costs_the_consent_and_one_notice(
    row: ProviderAccount, vendor: Vendor, owner: Client
) -> None:
    age(row)
    old = row.credentials["refresh_token"]
    kill_a_worker(vendor, row, "with_tokens")
    row.refresh_from_db()
    assert (row.credentials["refresh_token"], row.lease_until is None) == (old, False)
    ProviderAccount.objects.update(lease_until=None)
    assert renewal_fails(row) == "invalid_grant"
    assert (row.state, vendor.refusals()) == ("expired", [USED_TWICE])
    assert renewal_fails(row) == "expired"
    assert Notice.objects.filter(kind="connection").count() == 2  # the owner's and the admin's
    come_back(owner, visit(way_to_the_vendor(owner, row)))
    row.refresh_from_db()
    assert (row.state, bool(authorise(row, "GET", vendor.url))) == ("active", True)


def test_revoked_consent_expires_the_connection_with_its_sentence_and_one_notice(
    row: ProviderAccount, vendor: Vendor, owner: Client, committed_world: World
) -> None:
    vendor.revoke(row.credentials["refresh_token"])
    assert renewal_fails(row) == "invalid_grant"
    assert renewal_fails(row) == "expired"
    told = Notice.objects.filter(kind="connection").values_list("person_id", "body")
    people = [committed_world.people[role].pk for role in ("owner", "admin")]
    assert sorted(told) == sorted((person, WORDS["invalid_grant"]) for person in people)
    page = html.unescape(owner.get(f"{LIST}{row.pk}/").content.decode())
    assert f"This connection has expired. {WORDS['invalid_grant']}" in page
    assert len(vendor.refusals()) == 1

"""Signing in at a company before oidc-provider: the whole way in a browser, asking again, and its logout."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx2
import pytest
from pytest_django import Settings

from accounts.company import providers, trips
from accounts.company.providers import ProviderSettings
from accounts.models import CompanySession, Identity, IdentityProvider, Membership
from core.tenancy.scope import tenant_scope
from tests.accounts.company.issuer import CLIENT, SECRET
from tests.conformance.conftest import serving
from tests.edge.ports import free_port
from tests.world import World

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]


@dataclass(frozen=True)
class Judge:
    """The running provider, and our own address."""

    url: str
    walker: str
    log: Path


@pytest.fixture
def judge(
    node_tools: Path, tmp_path: Path, settings: Settings, committed_world: World, live_server: Any
) -> Iterator[Judge]:
    """The provider, connected with the first organisation."""
    settings.PUBLIC_URL, settings.IDENTITY_HOSTS = live_server.url, ["127.0.0.1"]
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
    modules, port, log = node_tools / "node_modules", free_port(), tmp_path / "log"
    ours = IdentityProvider(slug="acme", tenant_id=committed_world.acme.pk)
    program = Path(__file__).with_name("judges") / "oidc_sign_in.mjs"
    command = [str(modules / "node" / "bin" / "node"), str(program), str(modules), str(port)]
    command += [trips.callback_url(ours), trips.logout_url(ours)]
    with serving(command, f"http://127.0.0.1:{port}", log) as url:
        wanted = ProviderSettings(
            issuer=url,
            client_id=CLIENT,
            client_secret=SECRET,
            scopes="openid email profile groups",
            rules=({"group": "agents", "role": "support", "teams": []},),
            creates_people=True,
        )
        with tenant_scope(committed_world.acme.pk):
            providers.connect_provider(actor=committed_world.actor("owner"), settings=wanted)
        yield Judge(url, live_server.url, log)


def go(browser: httpx2.Client, url: str, person: str = "ana") -> httpx2.Response:
    """Open a page, and sign in at the provider and allow what it asks wherever that leads there."""
    page = browser.get(url)
    while asked := re.search(r'action="([^"]+)".*?name="prompt" value="(\w+)"', page.text, re.DOTALL):
        action = urljoin(str(page.url), html.unescape(asked[1]))
        page = browser.post(action, data={"prompt": asked[2], "login": person, "password": "any"})
    return page


def is_in(browser: httpx2.Client, judge: Judge) -> bool:
    return browser.get(f"{judge.walker}/admin/", follow_redirects=False).status_code == 200


def test_person_signs_in_confirms_and_is_signed_out_by_the_provider(judge: Judge, committed_world: World) -> None:
    with httpx2.Client(trust_env=False, timeout=20, follow_redirects=True) as browser:
        page = go(browser, f"{judge.walker}/sign-in/company/acme/")
        assert (page.status_code, str(page.url), is_in(browser, judge)) == (200, f"{judge.walker}/admin/", True)
        with tenant_scope(committed_world.acme.pk):
            person = Identity.objects.select_related("user").get().user
            member = Membership.objects.get(user=person)
            assert (person.company_address, person.get_full_name()) == ("ana@acme.example", "Ana García")
            assert (member.role, CompanySession.objects.exclude(sid="").count()) == ("support", 1)

        asked = browser.get(f"{judge.walker}/account/2fa/totp/activate/")
        (url,) = re.findall(r'href="(http[^"]+/auth\?[^"]+)"', asked.text)
        page = go(browser, html.unescape(url))
        assert str(page.url) == f"{judge.walker}/account/2fa/totp/activate/"

        ending = browser.get(f"{judge.url}/session/end")
        (action,) = re.findall(r'action="([^"]+)"', ending.text)
        (token,) = re.findall(r'name="xsrf" value="([^"]+)"', ending.text)
        browser.post(html.unescape(action), data={"xsrf": token, "logout": "yes"})
        assert not is_in(browser, judge)
    with tenant_scope(committed_world.acme.pk):
        assert not CompanySession.objects.exists()
    assert "refused" not in judge.log.read_text()


def test_code_counts_once_and_with_its_own_verifier(judge: Judge) -> None:
    with httpx2.Client(trust_env=False, timeout=20, follow_redirects=True) as browser:
        go(browser, f"{judge.walker}/sign-in/company/acme/")
        # Signed in there already, so that each way leads back at once.
        backs = []
        for _ in range(2):
            asked = browser.get(f"{judge.walker}/sign-in/company/acme/")
            (url,) = re.findall(r'href="(http[^"]+/auth\?[^"]+)"', asked.text)
            answer = browser.get(html.unescape(url), follow_redirects=False)
            backs.append(httpx2.URL(answer.headers["Location"]))
        mixed = backs[0].copy_set_param("code", backs[1].params["code"])
        page = browser.get(mixed)
        assert (page.status_code, "Sign-in didn't complete" in html.unescape(page.text)) == (403, True)
    assert "code_verifier" in judge.log.read_text()

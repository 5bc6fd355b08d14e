"""Providers at the stand-ins: Google with consent, a back office with tokens and HMAC, and a server that lies."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import BaseModel

from core.clock import now
from core.errors import Unavailable
from core.http import OutgoingHttp, Reply
from integrations.connections import consents, providers, services
from integrations.connections.providers import Authorise, Provider, VendorAccount
from integrations.models import ProviderAccount
from integrations.schemes import Consent, OAuthApp, Scheme, Scope
from standins.back_office import seed as office_seed
from standins.google_ads import seed as google_seed
from tests.edge.ads_fixture import PUBLIC, SHARED, GoogleAds
from tests.edge.back_office_fixture import SHARED as OFFICE_SECRET
from tests.edge.back_office_fixture import BackOffice
from tests.world import World

SESSION = "the key of a session"
READ = Scope(google_seed.SCOPE, "read and change your campaigns")
CANARY = "canary-4711-secret"


class Nothing(BaseModel):
    """Consent needs nothing that is typed in."""


def read(authorise: Authorise, url: str, method: str = "GET", body: bytes = b"", **more: str) -> Any:
    """Make a request as an adapter does."""
    headers = {**more, **authorise(method, url, body)}
    http = OutgoingHttp(url, private_hosts=["127.0.0.1", "localhost"])
    reply = http.request(method, url, headers=headers, **({"content": body} if body else {}))
    http.close()
    if not isinstance(reply, Reply) or reply.status >= 400:
        raise Unavailable(code="refused" if isinstance(reply, Reply) else reply.code)
    return reply.json()


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "_providers", dict(providers._providers))


def google_provider(url: str, *scopes: Scope) -> Provider:
    """Return Google Ads as a provider, at an address."""

    def customers(authorise: Authorise) -> list[VendorAccount]:
        found = read(authorise, f"{url}/v26/customers:listAccessibleCustomers")["resourceNames"]
        return [VendorAccount(name.removeprefix("customers/"), f"Customer {name[-4:]}") for name in found]

    scheme = Consent(
        consent_url=lambda: f"{url}/o/oauth2/v2/auth",
        token_url=lambda: f"{url}/token",
        app=lambda: OAuthApp(google_seed.client_id(), google_seed.client_secret(SHARED)),
        scopes=scopes or (READ,),
        asked={"access_type": "offline"},
    )
    return Provider(
        key="google_ads",
        title="Google Ads",
        credentials=Nothing,
        scheme=scheme,
        check=lambda _kept, authorise: f"{len(customers(authorise))} customers",
        list_accounts=customers,
        own_hosts=lambda: ["127.0.0.1", "localhost"],
    )


@pytest.fixture
def google(google_ads: GoogleAds, settings: Any) -> GoogleAds:
    """Google Ads, as a provider in place of the product's own."""
    settings.PUBLIC_URL = PUBLIC
    providers._providers["google_ads"] = google_provider(google_ads.url)
    return google_ads


def visit(google: GoogleAds, start: consents.Start, **pressed: str) -> dict[str, str]:
    """Press a button on the vendor's page and return what the callback is told."""
    parts = urlsplit(start.url)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    said = google.press_consent(parts.path, asked, pressed.pop("person", "globex"), **pressed)
    return {name: said[name] for name in ("state", "code", "error") if name in said}


def begin(world: World, role: str = "owner", **more: Any) -> consents.Start:
    """Start a consent."""
    arguments = {"provider": "google_ads", "session": SESSION, **more}
    return services.begin_consent(actor=world.actor(role), **arguments)


def consented(world: World, google: GoogleAds, **more: Any) -> ProviderAccount:
    """Return a connection that somebody allowed."""
    said = visit(google, begin(world), **more)
    return services.finish_consent(actor=world.actor("owner"), session=SESSION, **said)


def age(row: ProviderAccount) -> None:
    """Let the access token of a connection have ended."""
    row.refresh_from_db()
    ProviderAccount.objects.filter(pk=row.pk).update(
        credentials={**row.credentials, "access_ends": now().timestamp() - 1}
    )


@pytest.fixture
def office(back_office: BackOffice, settings: Any) -> BackOffice:
    """The back office, which the operator named."""
    settings.BACK_OFFICE_HOSTS = ["127.0.0.1", "localhost"]
    return back_office


def office_account(office: BackOffice, **changed: str) -> dict[str, str]:
    """Return what is typed in for Acme's back office."""
    return {
        "url": f"{office.url}/v1",
        "client_id": office_seed.client_id("acme"),
        "client_secret": office_seed.client_secret("acme", OFFICE_SECRET),
        "key_id": office_seed.key_id("acme"),
        "key_secret": office_seed.key_secret("acme", OFFICE_SECRET),
        **changed,
    }


@dataclass
class Liar:
    """A server that answers as it is told: bodies with a status, one after the other, the last one for ever."""

    url: str
    answers: list[tuple[int, str, bytes]] = field(default_factory=list)
    got: list[dict[str, str]] = field(default_factory=list)

    def say(self, body: Any, status: int = 200) -> None:
        """Answer with this from now on."""
        is_text = isinstance(body, str)
        kind = "text/html" if is_text else "application/json"
        self.answers[:] = [(status, kind, body.encode() if is_text else json.dumps(body).encode())]


@pytest.fixture
def liar() -> Iterator[Liar]:
    """A local server."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.got.append(dict(self.headers.items()))
            status, kind, body = made.answers[0]
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = answer  # noqa: N815  (the names of the standard library)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    made = Liar(f"http://127.0.0.1:{server.server_port}")
    made.say({})
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


Register = Callable[[Scheme], Provider]


class Typed(BaseModel):
    """Credentials of all simple schemes."""

    token: str = ""
    api_key: str = ""
    username: str = ""
    password: str = ""


@pytest.fixture
def shop(liar: Liar) -> Register:
    """Return what registers a provider at the local server, by scheme."""

    def register(scheme: Scheme) -> Provider:
        made = Provider(
            key="shop",
            title="Shop",
            credentials=Typed,
            scheme=scheme,
            check=lambda _kept, authorise: str(read(authorise, f"{liar.url}/me?x=1")["name"]),
            own_hosts=lambda: ["127.0.0.1"],
        )
        providers._providers["shop"] = made
        return made

    return register

"""Web Push: what a push service gets, what only the browser can read, and what ends a subscription."""

import base64
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pytest_django import Settings

from accounts import push
from accounts.models import Notice, PushMessage, PushSubscription
from accounts.notices import mark_all_seen
from accounts.services import close_membership
from core.clock import now
from core.errors import Invalid, Refused, Unavailable
from core.models import AuditEntry
from core.notices import leave
from core.tenancy.scope import tenant_scope
from integrations.push.delivery import KEPT_FOR, PAUSES, deliver_due
from integrations.push.message import encrypt
from tests.world import World

pytestmark = pytest.mark.django_db


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Browser:
    """A browser's side of Web Push: its keys, and reading what arrives (RFC 8291)."""

    def __init__(self, secret: str = "", auth: str = "") -> None:
        self.key = push.load_key(secret) if secret else ec.generate_private_key(ec.SECP256R1())
        self.auth = push.decode(auth) if auth else uuid4().bytes
        self.point = push.public_point(self.key)
        self.given = {"p256dh": b64(self.point), "auth": b64(self.auth)}

    def read(self, body: bytes) -> bytes:
        salt, size, length = body[:16], int.from_bytes(body[16:20]), body[20]
        theirs, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
        seed = HKDF(hashes.SHA256(), 32, self.auth, b"WebPush: info\0" + self.point + theirs).derive(shared)
        key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(seed)
        nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(seed)
        plain = AESGCM(key).decrypt(nonce, sealed, None)
        assert plain[-1:] == b"\x02"
        return plain[:-1]


@dataclass
class PushService:
    """A push service on this machine: keeps what it gets, and answers as it is told."""

    url: str = ""
    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[str, Any, bytes]] = field(default_factory=list)


@pytest.fixture
def service(settings: Settings) -> Iterator[PushService]:
    kept = PushService()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.got.append((self.path, self.headers, body))
            self.send_response(kept.status)
            for name, value in {**kept.headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_port}"
    settings.VAPID_PRIVATE_KEY = b64(b"\x07" * 32)
    settings.VAPID_SUBJECT = "mailto:desk@walker.example"
    settings.PUSH_HOSTS = ["127.0.0.1"]
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


def turn_on(world: World, service: PushService, path: str = "/send/1?x=y", role: str = "viewer") -> Browser:
    browser = Browser()
    push.subscribe(actor=world.actor(role), endpoint=service.url + path, **browser.given)
    return browser


def tell(world: World, role: str = "viewer", **more: Any) -> None:
    given = {"kind": "approval", "title": "BR-1001 needs you", "body": "Details", "link": "/admin/hitl/approval/"}
    leave(**{"people": [world.people[role].pk], **given, **more})


def test_message_is_that_of_the_standards_example() -> None:
    browser = Browser("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94", "BTBZMqHH6r4Tts7J_aSIgg")
    own = push.load_key("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
    plain = b"When I grow up, I want to be a watermelon"
    salt = push.decode("DGv6ra1nlYgDCS1FRnbzlw")
    body = encrypt(plain, p256dh=browser.point, auth=browser.auth, own_key=own, salt=salt)
    assert b64(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK"
        "6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert browser.read(body) == plain


@pytest.mark.slow
def test_notice_arrives_with_its_title_only_and_a_token_that_names_us(acme: World, service: PushService) -> None:
    browser = turn_on(acme, service)
    tell(acme, title="Mail ana@customer.example", level="warning")
    assert deliver_due() == 1
    [(path, headers, body)] = service.got
    notice = Notice.objects.get()
    said = {"id": str(notice.pk), "title": notice.title, "link": "/admin/hitl/approval/"}
    assert json.loads(browser.read(body)) == said
    assert "ana@" not in notice.title
    assert (path, headers["Content-Encoding"], headers["Urgency"]) == ("/send/1?x=y", "aes128gcm", "high")
    token, key = headers["Authorization"].removeprefix("vapid t=").split(", k=")
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), push.decode(key))
    claims = jwt.decode(token, point, algorithms=["ES256"], audience=service.url)
    assert claims["sub"] == "mailto:desk@walker.example"
    assert claims["exp"] - now().timestamp() < 24 * 3600
    assert (deliver_due(), PushMessage.objects.count()) == (0, 0)
    row = PushSubscription.objects.get()
    assert row.sent_at is not None
    assert service.url not in repr(PushSubscription.objects.values().get())  # at rest it is encrypted


@pytest.mark.slow
def test_notice_goes_to_all_browsers_of_its_person_and_to_nobody_else(acme: World, service: PushService) -> None:
    turn_on(acme, service, "/mine")
    turn_on(acme, service, "/mine-too")
    turn_on(acme, service, "/others", role="support")
    for _ in range(2):
        tell(acme, dedupe_key="once")
    assert deliver_due() == 2
    assert {path for path, _, _ in service.got} == {"/mine", "/mine-too"}


@pytest.mark.slow
def test_notice_that_is_of_no_use_any_more_is_not_sent(acme: World, service: PushService) -> None:
    turn_on(acme, service)
    tell(acme)
    mark_all_seen(actor=acme.actor("viewer"))
    deliver_due()
    tell(acme)
    deliver_due(now=now() + KEPT_FOR + timedelta(minutes=1))
    assert (service.got, PushMessage.objects.count()) == ([], 0)


@pytest.mark.slow
@pytest.mark.parametrize("status", [404, 410])
def test_browser_that_is_gone_is_forgotten(acme: World, service: PushService, status: int) -> None:
    turn_on(acme, service)
    tell(acme)
    tell(acme)
    service.status = status
    deliver_due()
    assert (PushSubscription.objects.count(), PushMessage.objects.count(), len(service.got)) == (0, 0, 1)


@pytest.mark.slow
def test_failure_is_tried_again_with_growing_pauses_and_then_given_up(acme: World, service: PushService) -> None:
    turn_on(acme, service)
    tell(acme)
    service.status, moment = 503, now()
    pauses = []
    for _ in range(len(PAUSES)):
        assert (deliver_due(now=moment), deliver_due(now=moment)) == (1, 0)
        due = PushMessage.objects.get().due_at
        pauses.append(due - moment)
        moment = due
    assert pauses == list(PAUSES)
    deliver_due(now=moment)
    assert (PushMessage.objects.count(), PushSubscription.objects.count(), len(service.got)) == (0, 1, len(PAUSES) + 1)


@pytest.mark.slow
def test_push_service_is_asked_again_when_it_wants_and_not_after_a_refusal(acme: World, service: PushService) -> None:
    turn_on(acme, service)
    tell(acme)
    service.status, service.headers, moment = 429, {"Retry-After": "300"}, now()
    deliver_due(now=moment)
    assert PushMessage.objects.get().due_at - moment == timedelta(seconds=300)
    service.status, service.headers = 400, {}
    deliver_due(now=moment + timedelta(seconds=300))
    assert (PushMessage.objects.count(), PushSubscription.objects.count()) == (0, 1)
    service.status, service.headers = 302, {"Location": "http://127.0.0.1:9/"}  # led elsewhere, it does not go
    tell(acme)
    deliver_due()
    assert PushMessage.objects.count() == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.org/x",
        "https://127.0.0.1/x",
        "https://10.0.0.1/x",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/x",
        "https://127.1/x",
        "https://localhost/x",
        "https://db.internal/x",
        "https://push.example.org:8443/x",
        "https://push.example.org:99999/x",
        "https://me:secret@push.example.org/x",
        "https://push.example.org/x#y",
        "https://push.example.org/a b",
        "https://pü.example.org/x",
        "ftp://push.example.org/x",
        "javascript:alert(1)",
        "//push.example.org/x",
        "",
        "https://push.example.org/" + "x" * 1000,
    ],
)
def test_endpoint_that_is_not_public_https_is_refused(
    acme: World, service: PushService, settings: Settings, endpoint: str
) -> None:
    settings.PUSH_HOSTS = []
    with pytest.raises(Invalid):
        push.subscribe(actor=acme.actor("viewer"), endpoint=endpoint, **Browser().given)
    assert not PushSubscription.objects.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "keys",
    [
        {"p256dh": "", "auth": ""},
        {"p256dh": "not base64!", "auth": b64(b"x" * 16)},
        {"p256dh": b64(b"\x04" + b"\x01" * 64), "auth": b64(b"x" * 16)},  # no point of the curve
        {**Browser().given, "auth": b64(b"x" * 15)},
        {**Browser().given, "auth": "ü"},
    ],
)
def test_keys_that_are_no_browsers_are_refused(acme: World, service: PushService, keys: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        push.subscribe(actor=acme.actor("viewer"), endpoint=f"{service.url}/x", **keys)


def test_name_that_comes_to_mean_an_inner_address_is_never_called(
    acme: World, service: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    push.subscribe(actor=acme.actor("viewer"), endpoint="https://push.example.org/x", **Browser().given)
    tell(acme)
    inner = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [inner])
    deliver_due()
    assert (PushSubscription.objects.count(), PushMessage.objects.count()) == (0, 0)


@pytest.mark.slow
def test_browser_belongs_to_the_last_person_and_people_have_few(acme: World, service: PushService) -> None:
    turn_on(acme, service, "/shared")
    turn_on(acme, service, "/shared", role="support")
    assert PushSubscription.objects.get().person_id == acme.people["support"].pk
    for number in range(push.MOST + 3):
        turn_on(acme, service, f"/{number}")
    own = push.list_own(viewer=acme.actor("viewer"))
    assert own.count() == push.MOST
    browser = Browser()
    given = {"endpoint": f"{service.url}/again", **browser.given}
    assert len({push.subscribe(actor=acme.actor("viewer"), **given).pk for _ in range(2)}) == 1
    assert push.unsubscribe(actor=acme.actor("viewer")) == push.MOST
    assert push.unsubscribe(actor=acme.actor("viewer")) == 0
    assert PushSubscription.objects.count() == 1
    actions = list(AuditEntry.objects.filter(action__startswith="PUSH_").values_list("action", flat=True))
    assert (actions.count("PUSH_TURNED_ON"), actions.count("PUSH_TURNED_OFF")) == (push.MOST + 6, 1)


def test_former_member_and_other_tenants_get_nothing(acme: World, service: PushService) -> None:
    turn_on(acme, service)
    tell(acme)
    with tenant_scope(acme.globex.pk):
        assert not PushSubscription.objects.exists()
    close_membership(acme.people["viewer"].memberships.get())
    deliver_due()
    assert (service.got, PushSubscription.objects.count()) == ([], 0)


@pytest.mark.slow
def test_without_a_key_of_the_installation_nothing_is_offered_or_queued(
    acme: World, service: PushService, settings: Settings
) -> None:
    turn_on(acme, service)
    settings.VAPID_PRIVATE_KEY = ""
    tell(acme)
    assert not PushMessage.objects.exists()
    with pytest.raises(Unavailable):
        turn_on(acme, service, "/2")
    settings.VAPID_PRIVATE_KEY = "short"
    with pytest.raises(Unavailable, match="VAPID_PRIVATE_KEY"):
        push.public_key_of(settings.VAPID_PRIVATE_KEY)


@pytest.mark.slow
def test_only_people_turn_it_on(acme: World, service: PushService) -> None:
    from core.actors import system

    with pytest.raises(Refused):
        push.subscribe(actor=system("test"), endpoint=f"{service.url}/x", **Browser().given)

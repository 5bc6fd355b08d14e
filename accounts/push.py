"""Browsers that show a person's notices while no page is open: Web Push, which each person turns on for themselves."""

import base64
import ipaddress
from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Notice, PushMessage, PushSubscription
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.errors import Invalid, Unavailable
from core.jobs import queues
from core.privacy.encryption import blind_index

USE: Final = "accounts.use_notices"
MOST: Final = 10
"""Browsers of one person; the oldest gives way."""
ENDPOINT_LIMIT: Final = 1000
POINT_BYTES: Final = 65
SECRET_BYTES: Final = 16
KEY_BYTES: Final = 32
OBJECT: Final = "accounts.pushsubscription"
_COLUMN: Final = "accounts_pushsubscription.endpoint_digest"


def is_set_up() -> bool:
    """Return True if the installation has a key for Web Push."""
    return bool(settings.VAPID_PRIVATE_KEY)


def list_own(*, viewer: Actor) -> QuerySet[PushSubscription]:
    """Return the viewer's own subscriptions as a query. Needs `accounts.use_notices`; raises Refused."""
    viewer.require(USE)
    person = viewer.require_person("Only people can change this, and only for themselves.", by_key=False)
    return PushSubscription.objects.filter(person_id=person)


@transaction.atomic
def subscribe(*, actor: Actor, endpoint: str, p256dh: str, auth: str, now: datetime | None = None) -> PushSubscription:
    """Let one of the actor's own browsers show their notices; a repeat changes nothing.

    `endpoint`, `p256dh` and `auth` are what the browser's push service gave out. A browser belongs to the last
    person who turned it on. Needs `accounts.use_notices`; raises Refused, Unavailable without a key of the
    installation, and Invalid for an endpoint that is not public HTTPS or for other keys. Audited.
    """
    own = list_own(viewer=actor)
    if not is_set_up():
        raise Unavailable("Notifications on devices aren't set up on this installation.")
    check_endpoint(endpoint)
    problem = Invalid("These aren't keys of a browser.", fields={"p256dh": ["Turn it on again."]})
    try:
        point, secret = decode(p256dh), decode(auth)
        if len(point) != POINT_BYTES or len(secret) != SECRET_BYTES:
            raise problem
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        raise problem from None
    digest = blind_index(endpoint, column=_COLUMN)
    known: PushSubscription | None = PushSubscription.objects.select_for_update().filter(endpoint_digest=digest).first()
    if known is not None and known.person_id == actor.user_id and known.keys == {"p256dh": p256dh, "auth": auth}:
        return known
    if known is not None:
        known.delete()
    too_many = list(own.order_by("-id").values_list("pk", flat=True)[MOST - 1 :])
    PushSubscription.objects.filter(pk__in=too_many).delete()
    row: PushSubscription = PushSubscription.objects.create(
        person_id=actor.user_id,
        endpoint=endpoint,
        keys={"p256dh": p256dh, "auth": auth},
        endpoint_digest=digest,
        created_at=now or clock_now(),
    )
    chain.record(actor, "PUSH_TURNED_ON", OBJECT, row.pk, new_state="on")
    return row


@transaction.atomic
def unsubscribe(*, actor: Actor) -> int:
    """Turn off all of the actor's browsers; return how many. Needs `accounts.use_notices`. Audited."""
    rows = list(list_own(viewer=actor).order_by("pk"))
    PushSubscription.objects.filter(pk__in=[row.pk for row in rows]).delete()
    if rows:
        facts = {"browsers": len(rows)}
        chain.record(actor, "PUSH_TURNED_OFF", OBJECT, rows[0].pk, old_state="on", facts=facts)
    return len(rows)


def queue(*, notices: Collection[Notice], moment: datetime) -> None:
    """Queue new notices for their people's browsers, in the caller's transaction. One query if there are none."""
    people = {notice.person_id for notice in notices}
    browsers = list(PushSubscription.objects.filter(person_id__in=people).values_list("pk", "person_id"))
    if not browsers:
        return
    wanted = {person for _, person in browsers}
    keys = [notice.pk for notice in notices if notice.person_id in wanted]
    # A notice whose key was known is not stored a second time, and not sent a second time.
    stored: list[tuple[UUID, UUID]] = list(Notice.objects.filter(pk__in=keys).values_list("pk", "person_id"))
    rows = [
        PushMessage(subscription_id=browser, notice_id=notice, due_at=moment, created_at=moment)
        for notice, owner in stored
        for browser, person in browsers
        if person == owner
    ]
    if rows:
        PushMessage.objects.bulk_create(rows)
        transaction.on_commit(_send_soon, robust=True)


def _send_soon() -> None:
    queues.enqueue("send_push")


def check_endpoint(endpoint: str) -> None:
    """Refuse an endpoint that isn't public HTTPS (it is checked again when called); raises Invalid."""
    problem = Invalid("This isn't the address of a push service.", fields={"endpoint": ["Turn it on again."]})
    if not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint or len(endpoint) > ENDPOINT_LIMIT:
        raise problem
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        raise problem from None
    host = (parts.hostname or "").lower()
    if parts.username is not None or parts.password is not None or parts.fragment or not host:
        raise problem
    if host in settings.PUSH_HOSTS:
        if parts.scheme not in ("http", "https"):
            raise problem
        return
    if parts.scheme != "https" or port not in (None, 443) or not _is_public_name(parts):
        raise problem


def _is_public_name(parts: SplitResult) -> bool:
    host = (parts.hostname or "").lower().rstrip(".")
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        name, _, top = host.rpartition(".")
        # A name whose last part is a number is an address in another notation, such as 127.1.
        return bool(name) and top.isalpha() and top not in ("local", "localhost", "internal", "lan", "home", "test")


def decode(text: str) -> bytes:
    """Return the bytes of base64url without padding; raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


@lru_cache(maxsize=2)
def load_key(text: str) -> ec.EllipticCurvePrivateKey:
    """Return the installation's key from 32 bytes of base64url. Raises Unavailable for anything else."""
    try:
        secret = decode(text)
        if len(secret) != KEY_BYTES:
            raise ValueError
        return ec.derive_private_key(int.from_bytes(secret), ec.SECP256R1())
    except ValueError:
        raise Unavailable("VAPID_PRIVATE_KEY must hold 32 bytes as base64url.") from None


def public_point(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the public key as the 65 bytes of an uncompressed point."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def public_key_of(text: str) -> str:
    """Return the public key that browsers subscribe with. Raises Unavailable for a key that isn't one."""
    return base64.urlsafe_b64encode(public_point(load_key(text))).rstrip(b"=").decode()

"""The key pairs that sign access tokens: one signs, those before it verify until their last token has ended.

Private keys are stored sealed for their row. A public key is made from its private one each time: a row that this
installation did not write verifies nothing.
"""

import base64
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.db import transaction
from django.db.models import Q
from jwt.algorithms import RSAAlgorithm

from accounts.models import TokenKey
from core.clock import now as clock_now
from core.errors import Unavailable
from core.ids import uuid7
from core.observability.logging import get_logger
from core.privacy.encryption import current_key_id, key_id_of, key_ring, seal, unseal

log = get_logger(__name__)
ALGORITHM: Final = "RS256"
BITS: Final = 2048
PURPOSE: Final = "token-signing"
VERIFIES_FOR: Final = timedelta(minutes=10)
"""How long a key is published after its retirement: longer than its last token and the leeway of clocks."""
SIGNS_ON: Final = timedelta(minutes=4)
"""How long a key signs after its retirement where the next can't be opened: its last token ends in time."""


def current() -> TokenKey | None:
    """Return the key that signs now, None before the first sign-in. One query."""
    return TokenKey.objects.filter(retired_at=None).first()


def signing_key() -> tuple[str, rsa.RSAPrivateKey]:
    """Return the id and the private key that sign now.

    Makes one if there is none, or none under the newest key of WALKER_KEYS. One that is sealed under a key that this
    process lacks is not replaced: it was made by a process that was started with newer WALKER_KEYS, which would
    replace ours in turn. Then the last one that this process can open signs on; raises `Unavailable` without one.
    """
    row = current()
    if row is None:
        row = rotate(None)
    elif (ring_key := key_id_of(base64.b64decode(row.sealed))) not in key_ring():
        row = last_opened(clock_now())
    elif ring_key != current_key_id():
        row = rotate(row)
    return row.pk.hex, _private(row.pk.hex, row.sealed)


def rotate(old: TokenKey | None) -> TokenKey:
    """Let a new key sign from now on in place of the old one, or where there was none; return the one that signs.

    Of several processes at once one makes it: the others wait at the row or at the index, and find it.
    """
    made = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    content = made.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    new = TokenKey(pk=uuid7())
    new.sealed = base64.b64encode(seal(content, purpose=PURPOSE, bound_to=new.pk.hex)).decode()
    with transaction.atomic():
        if old is not None:
            TokenKey.objects.filter(pk=old.pk, retired_at=None).update(retired_at=clock_now())
        TokenKey.objects.bulk_create([new], ignore_conflicts=True)
        return TokenKey.objects.get(retired_at=None)


def public_key(key_id: str) -> rsa.RSAPublicKey | None:
    """Return the public key of an id, None for one that is unknown, over, or can't be opened. One query at most."""
    try:
        row = _standing(clock_now()).filter(pk=UUID(hex=key_id)).first()
    except ValueError:
        return None
    return _public(row) if row is not None else None


def published() -> list[dict[str, Any]]:
    """Return the public keys by which others verify access tokens, as JSON Web Keys, the newest first. One query."""
    found = ((row.pk.hex, _public(row)) for row in _standing(clock_now()).order_by("-pk"))
    return [
        {**RSAAlgorithm.to_jwk(key, as_dict=True), "kid": key_id, "alg": ALGORITHM, "use": "sig", "key_ops": ["verify"]}
        for key_id, key in found
        if key is not None
    ]


def purge(*, now: datetime | None = None) -> int:
    """Delete keys that verify nothing any more; return how many. For the sweep."""
    return TokenKey.objects.filter(retired_at__lte=(now or clock_now()) - VERIFIES_FOR).delete()[0]


def last_opened(moment: datetime) -> TokenKey:
    """Return the key that signed last of those this process can open, if its tokens end while it is published.

    Raises `Unavailable` without one.
    """
    retired = TokenKey.objects.filter(retired_at__gt=moment - SIGNS_ON).order_by("-retired_at")
    row = next((row for row in retired if _public(row) is not None), None)
    if row is None:
        log.error("token_key_of_other_ring")
        raise Unavailable("Signing in isn't possible right now. Try again in a minute.")
    return row


def _standing(moment: datetime) -> Any:
    return TokenKey.objects.filter(Q(retired_at=None) | Q(retired_at__gt=moment - VERIFIES_FOR))


def _public(row: TokenKey) -> rsa.RSAPublicKey | None:
    try:
        return _private(row.pk.hex, row.sealed).public_key()
    except (Unavailable, ValueError):
        log.warning("token_key_not_opened", key=row.pk.hex)
        return None


@lru_cache(maxsize=8)
def _private(key_id: str, sealed: str) -> rsa.RSAPrivateKey:
    content = unseal(base64.b64decode(sealed), purpose=PURPOSE, bound_to=key_id)
    key = serialization.load_der_private_key(content, password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Unavailable("This key doesn't sign access tokens.")
    return key

"""Key ring, sealed values and blind indexes."""

import base64
from collections.abc import Iterator
from uuid import UUID

import pytest
from pytest_django import Settings

from core.errors import NoTenant, Unavailable
from core.privacy.encryption import (
    blind_index,
    current_key_id,
    derive_key,
    key_id_of,
    lasting_key_id,
    open_text,
    seal,
    seal_text,
    unseal,
)
from core.tenancy.scope import tenant_scope

ONE, TWO = UUID(int=1), UUID(int=2)
OLD, NEW = (base64.b64encode(bytes([byte]) * 32).decode() for byte in (1, 2))


@pytest.fixture(autouse=True)
def ring(settings: Settings) -> Iterator[Settings]:
    """Two keys; the second is the current one."""
    settings.WALKER_KEYS = f"1:{OLD},2:{NEW}"
    return (yield settings)


def test_sealed_value_opens_in_its_place_only() -> None:
    sealed = seal(b"secret", purpose="field", bound_to="t.c.1")
    assert unseal(sealed, purpose="field", bound_to="t.c.1") == b"secret"
    with pytest.raises(Unavailable):
        unseal(sealed, purpose="field", bound_to="t.c.2")


def test_two_seals_of_one_value_differ() -> None:
    assert seal(b"x", purpose="p", bound_to="b") != seal(b"x", purpose="p", bound_to="b")


@pytest.mark.parametrize("position", [0, 1, 2, 3, 15, -1])
def test_changed_byte_is_refused(position: int) -> None:
    sealed = bytearray(seal(b"secret", purpose="p", bound_to="b"))
    sealed[position] ^= 1
    with pytest.raises(Unavailable):
        unseal(bytes(sealed), purpose="p", bound_to="b")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01\xff", b"\x02abc", b"\x01\x011" + bytes(12)])
def test_cut_value_is_refused(sealed: bytes) -> None:
    with pytest.raises(Unavailable):
        unseal(sealed, purpose="p", bound_to="b")


def test_old_key_is_read_after_a_new_one_was_added(ring: Settings) -> None:
    ring.WALKER_KEYS = f"1:{OLD}"
    sealed = seal(b"secret", purpose="p", bound_to="b")
    ring.WALKER_KEYS = f"1:{OLD},2:{NEW}"
    assert (key_id_of(sealed), current_key_id()) == ("1", "2")
    assert unseal(sealed, purpose="p", bound_to="b") == b"secret"


def test_key_taken_out_of_the_ring_fails_closed(ring: Settings) -> None:
    sealed = seal(b"secret", purpose="p", bound_to="b")
    ring.WALKER_KEYS = f"1:{OLD}"
    with pytest.raises(Unavailable, match="WALKER_KEYS"):
        unseal(sealed, purpose="p", bound_to="b")


@pytest.mark.parametrize("keys", ["", "1", "1:short", "1:%%%", f":{OLD}", f"1:{OLD},1:{NEW}", "1:AAAA"])
def test_unusable_ring_is_named_in_the_error(ring: Settings, keys: str) -> None:
    ring.WALKER_KEYS = keys
    with pytest.raises(Unavailable, match="WALKER_KEYS"):
        seal(b"x", purpose="p", bound_to="b")


def test_purposes_have_different_keys() -> None:
    assert derive_key("a") != derive_key("b")


def test_text_without_tenant_opens_for_its_purpose_only() -> None:
    sealed = seal_text("totp", purpose="mfa")
    assert open_text(sealed, purpose="mfa") == "totp"
    with pytest.raises(Unavailable):
        open_text(sealed, purpose="other")


def test_blind_index_depends_on_value_column_and_tenant() -> None:
    with tenant_scope(ONE):
        digests = [blind_index(value, column=column) for value in "ab" for column in ("x", "y")]
        assert blind_index("a", column="x") == digests[0]
    with tenant_scope(TWO):
        digests.append(blind_index("a", column="x"))
    assert len(set(digests)) == 5


def test_blind_index_stays_when_a_key_is_added(ring: Settings) -> None:
    with tenant_scope(ONE):
        both = blind_index("a", column="x")
        ring.WALKER_KEYS = f"1:{OLD}"
        assert blind_index("a", column="x") == both


def test_key_of_lasting_digests_stays_when_a_key_is_added(ring: Settings) -> None:
    assert (lasting_key_id(), current_key_id()) == ("1", "2")


def test_blind_index_outside_a_scope_raises() -> None:
    with pytest.raises(NoTenant):
        blind_index("a", column="x")

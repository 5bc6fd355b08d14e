"""Tokens and signed identities: forged, foreign, stale and over-long ones open nothing."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest
from pytest_django import Settings

from channels_app.web_chat import identity, tokens
from channels_app.web_chat.tokens import BadToken, Guest
from core.errors import Unavailable

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECRET = "s" * 32


def guest() -> Guest:
    return Guest(uuid4(), uuid4(), "member", "x", uuid4(), NOW, NOW + tokens.TOKEN_LIFE)


def test_token_issued_gives_the_guest_back() -> None:
    known = guest()
    assert tokens.verify(tokens.issue(known), now=NOW) == known


def test_token_fits_a_subprotocol_header() -> None:
    allowed = set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert set(tokens.issue(guest())) <= allowed


def test_token_over_is_refused() -> None:
    with pytest.raises(BadToken):
        tokens.verify(tokens.issue(guest()), now=NOW + tokens.TOKEN_LIFE)


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: "x" + t, lambda _: "", lambda _: "a.b.c"])
def test_token_changed_is_refused(spoil: Callable[[str], str]) -> None:
    with pytest.raises(BadToken):
        tokens.verify(spoil(tokens.issue(guest())), now=NOW)


def test_token_is_prolonged_no_longer_than_a_sign_in_lasts() -> None:
    longer = guest().prolonged(NOW + tokens.SIGN_IN_LIFE - timedelta(minutes=1))
    assert longer.expires_at == NOW + tokens.SIGN_IN_LIFE


def test_visitor_secret_of_another_widget_is_unknown() -> None:
    here, there = uuid4(), uuid4()
    secret = tokens.new_visitor(here)
    assert tokens.visitor_or_none(here, secret) == secret
    assert tokens.visitor_or_none(there, secret) is None


@pytest.mark.parametrize("secret", ["", "chosen", "a.b.c", "x" * 300, "\x00"])
def test_visitor_secret_self_made_is_unknown(secret: str) -> None:
    assert tokens.visitor_or_none(uuid4(), secret) is None


def test_visitor_secret_is_not_told_by_the_token() -> None:
    secret = tokens.new_visitor(uuid4())
    known = replace(guest(), point=tokens.visitor_point(secret))
    assert secret not in tokens.issue(known)
    assert secret not in known.point


def test_customer_is_known_again_when_a_key_was_added(settings: Settings) -> None:
    widget = uuid4()
    before = tokens.customer_point(widget, "customer-7")
    settings.WALKER_KEYS += f",new:{base64.b64encode(b'n' * 32).decode()}"
    assert tokens.customer_point(widget, "customer-7") == before


def test_identity_signed_by_the_host_names_its_subject() -> None:
    signed = identity.sign(secret=SECRET, widget="w", subject="a@b.example", now=NOW)
    assert identity.subject_of(signed, secret=SECRET, widget="w", now=NOW) == "a@b.example"


@pytest.mark.parametrize(
    ("claims", "secret", "algorithm"),
    [
        ({"aud": "other"}, SECRET, "HS256"),
        ({"exp": NOW + timedelta(minutes=11)}, SECRET, "HS256"),
        ({"exp": NOW - timedelta(minutes=1)}, SECRET, "HS256"),
        ({"exp": None}, SECRET, "HS256"),
        ({"sub": ""}, SECRET, "HS256"),
        ({"sub": "x" * 300}, SECRET, "HS256"),
        ({}, "t" * 32, "HS256"),
        ({}, "s" * 64, "HS512"),
        ({}, "", "none"),
    ],
)
def test_identity_wrong_is_refused(claims: dict[str, object], secret: str, algorithm: str) -> None:
    body = {"sub": "a@b.example", "aud": "w", "exp": NOW + timedelta(minutes=5), **claims}
    body = {name: value for name, value in body.items() if value is not None}
    signed = jwt.encode(body, secret, algorithm=algorithm)
    with pytest.raises(identity.BadIdentity):
        identity.subject_of(signed, secret=SECRET, widget="w", now=NOW)


@pytest.mark.parametrize("secret", ["", "short"])
def test_identity_without_a_widget_secret_is_never_fine(secret: str) -> None:
    signed = identity.sign(secret=SECRET, widget="w", subject="a", now=NOW)
    with pytest.raises(Unavailable):
        identity.subject_of(signed, secret=secret, widget="w", now=NOW)

"""The door of a chat's session, knocked on with what no honest page sends."""

from typing import Any

import pytest
from django.test import Client

from channels_app.web_chat import identity
from core.clock import now
from tests.channels_app.conftest import SECRET, make_widget
from tests.world import World

pytestmark = pytest.mark.django_db
DOOR = "/widget/v1/session/"


def knock(client: Client, body: str) -> Any:
    return client.post(DOOR, body.encode(), content_type="application/json")


@pytest.mark.parametrize("name", ["\\ud800", "a\\u0000", "\\u202e", "é" * 41])
def test_widget_key_that_cannot_be_written_is_unknown(client: Client, name: str) -> None:
    assert knock(client, f'{{"widget": "{name}"}}').status_code == 404


@pytest.mark.parametrize("secret", ["\\ud800.a.b", "\\ud800", "\\u0000.a.b", "é.a.b"])
@pytest.mark.parametrize("field", ["visitor", "token"])
def test_proof_that_cannot_be_written_makes_a_new_visitor(
    client: Client, world: World, field: str, secret: str
) -> None:
    key = make_widget(world.acme.pk, "Desk").public_key
    answer = knock(client, f'{{"widget": "{key}", "{field}": "{secret}"}}')
    assert (answer.status_code, answer.json()["signed_in"]) == (200, "visitor")


@pytest.mark.parametrize("signed", ["\\ud800.a.b", "é.a.b", "\\u0000", " ", "a.b.c"])
def test_identity_that_cannot_be_written_is_refused(client: Client, world: World, signed: str) -> None:
    key = make_widget(world.acme.pk, "Desk").public_key
    assert knock(client, f'{{"widget": "{key}", "identity": "{signed}"}}').status_code == 403


@pytest.mark.parametrize("subject", ["a\x00b", "\ud800", "a\nb", "\x00"])
def test_subject_that_cannot_be_written_is_refused(client: Client, world: World, subject: str) -> None:
    widget = make_widget(world.acme.pk, "Desk")
    signed = identity.sign(secret=SECRET, widget=widget.public_key, subject=subject, now=now())
    body = f'{{"widget": "{widget.public_key}", "identity": "{signed}"}}'
    assert knock(client, body).status_code == 403


@pytest.mark.parametrize("body", ["[" * 9000, '{"n":' + "9" * 5000 + "}", "\x00", "null", '"x"'])
def test_body_that_is_no_object_is_refused(client: Client, body: str) -> None:
    assert knock(client, body).status_code == 400

"""Pages whose address is a secret answer those who come with a wrong one, also when nobody can count them."""

from typing import Any

import pytest
from django.test import Client

from accounts.secret_pages import UNKNOWN_PER_MINUTE

pytestmark = pytest.mark.django_db
DOORS = pytest.mark.parametrize("door", ["/i/none/", "/d/none/", "/r/none/", "/v/none/"])


@DOORS
def test_without_redis_an_unknown_address_is_just_unknown(door: str, client: Client, settings: Any) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    assert {client.get(door).status_code for _ in range(UNKNOWN_PER_MINUTE + 2)} == {404}


@DOORS
def test_each_door_counts_its_own_guesses(door: str, client: Client) -> None:
    other = "/i/none/" if door != "/i/none/" else "/d/none/"
    assert [client.get(door).status_code for _ in range(UNKNOWN_PER_MINUTE + 1)][-1] == 429
    assert client.get(other).status_code == 404

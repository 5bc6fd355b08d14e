"""Origins: scheme, host and port count exactly."""

import pytest
from django.conf import settings

from channels_app.web_chat.settings.origins import is_allowed, normalise, own_origins

REGISTERED = ["https://shop.example", "http://localhost:3000"]


@pytest.mark.parametrize(
    "origin", ["https://shop.example", "https://SHOP.example:443", "http://localhost:3000", "", None]
)
def test_origin_registered_or_absent_is_allowed(origin: str | None) -> None:
    assert is_allowed(origin, registered=REGISTERED)


@pytest.mark.parametrize(
    "origin",
    [
        "http://shop.example",
        "https://shop.example:8443",
        "https://shop.example.evil.example",
        "https://evil.example/https://shop.example",
        "https://shop.example@evil.example",
        "https://www.shop.example",
        "http://localhost",
        "http://localhost:3001",
        "null",
        "file://",
        "https://",
        "https://shop.example:99999",
        "javascript:alert(1)",
    ],
)
def test_origin_other_is_refused(origin: str) -> None:
    assert not is_allowed(origin, registered=REGISTERED)


def test_registered_garbage_allows_nobody() -> None:
    assert not is_allowed("null", registered=["null", "*", "", "https://"])


def test_own_page_is_allowed() -> None:
    own = own_origins("localhost:8000", secure=False)
    assert is_allowed("http://localhost:8000", registered=[], own=own)
    assert not is_allowed("https://localhost:8000", registered=[], own=own)


def test_host_that_is_not_ours_is_not_own() -> None:
    own = own_origins("rebound.example", secure=False)
    assert not is_allowed("http://rebound.example", registered=[], own=own)


def test_address_of_version_six_keeps_its_brackets() -> None:
    assert normalise("http://[::1]:8000") == "http://[::1]:8000"


def test_host_that_cannot_be_read_is_not_ours() -> None:
    assert own_origins("[::1", secure=False) == (settings.PUBLIC_URL,)

"""Browsers of people in the console."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import get_resolver

from tests.world import World

Browser = Callable[..., Client]


@pytest.fixture
def browser(world: World) -> Browser:
    """Return a signed-in client of the role; `outside` takes the person of the other tenant."""

    def sign_in(role: str = "admin", *, outside: bool = False) -> Client:
        people = world.outsiders if outside else world.people
        client = Client()
        client.force_login(people[role], backend="accounts.backends.RoleBackend")
        return client

    return sign_in


@pytest.fixture
def pages() -> dict[Any, Any]:
    """Every registered page by its model; they are loaded with the routes."""
    assert get_resolver().url_patterns
    registered: dict[Any, Any] = admin.site._registry
    return registered

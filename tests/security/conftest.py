"""The town, and browsers of those who look at it."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.middleware.csrf import get_token
from django.test import Client, RequestFactory

from tests.security.town import Town, build_town
from tests.world import World, prove

Visitor = Callable[[str], Client]


@pytest.fixture
def town(world: World) -> Town:
    return build_town(world)


@pytest.fixture
def visitor(world: World) -> Visitor:
    """Return a browser of `stranger`, `outsider` or the person of a role in the first tenant; it checks CSRF."""

    def arrive(who: str) -> Client:
        client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        # What any page of ours would set.
        client.cookies[settings.CSRF_COOKIE_NAME] = get_token(RequestFactory().get("/"))
        if who != "stranger":
            user = world.outsiders["owner"] if who == "outsider" else world.people[who]
            client.force_login(user, backend="accounts.backends.RoleBackend")
            prove(client)
        return client

    return arrive


def token_of(client: Client) -> str:
    """Return the browser's valid CSRF token."""
    return client.cookies[settings.CSRF_COOKIE_NAME].value

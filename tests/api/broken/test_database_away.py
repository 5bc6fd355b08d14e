"""What a caller with a key is told while the database restarts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from tests.api.office import Office
from tests.edge.ports import free_port

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@contextmanager
def refused_connections() -> Iterator[None]:
    """Let new connections go to a port on which nobody listens."""
    kept: dict[str, Any] = {name: connection.settings_dict[name] for name in ("HOST", "PORT")}
    connection.close()
    connection.settings_dict.update(HOST="127.0.0.1", PORT=str(free_port()))
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(kept)


def test_key_is_answered_503_while_the_database_refuses_connections(live_office: Office) -> None:
    caller = live_office.caller("viewer")
    with refused_connections():
        answer = caller.get("approvals/")
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["code"]) == (503, "5", "unavailable")
    assert caller.get("approvals/").status_code == 200

"""Rows of an answer are let go with it: kept until some full garbage collection, they make that one long."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import Model

from tests.api.office import Office

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Collect no garbage meanwhile."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def held() -> int:
    kept = [type(one) for one in gc.get_objects() if issubclass(type(one), Model)]
    return sum(kind._meta.app_label == "hitl" for kind in kept)


def served(answer: Any) -> int:
    """Return the status; the test client ties its answers to themselves."""
    vars(answer).pop("json")
    return int(answer.status_code)


@pytest.mark.parametrize("path", ["approvals/", "approvals/{approval}/revisions/"])
def test_api_list_lets_its_rows_go(office: Office, uncollected: None, path: str) -> None:
    caller, counts = office.caller("owner"), []
    for _ in range(3):
        assert served(caller.get(path.format(**office.ids))) == 200
        counts.append(held())
    assert counts[1] == counts[2]


@pytest.mark.parametrize("path", ["/admin/hitl/approval/?state=all", "/admin/"])
def test_page_lets_its_rows_go(office: Office, uncollected: None, path: str) -> None:
    browser, counts = office.browser("admin"), []
    for _ in range(3):
        assert served(browser.get(path)) == 200
        counts.append(held())
    assert counts[1] == counts[2]

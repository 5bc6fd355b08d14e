"""Settings that a process keeps for seconds."""

from itertools import count

import pytest
from pytest_django import Settings

from core.reliability import kept
from core.tenancy.scope import tenant_scope
from tests.world import World


def test_what_was_read_is_kept_for_each_tenant_and_each_question(world: World, kept_settings: None) -> None:
    numbers = count()

    def read(*of: str) -> int:
        return kept.keep(lambda: next(numbers), "number", *of)

    with tenant_scope(world.acme.pk):
        assert [read(), read(), read("public")] == [0, 0, 1]
    with tenant_scope(world.globex.pk):
        assert read() == 2
    with tenant_scope(world.acme.pk):
        assert read() == 0
        kept.forget()
        assert read() == 3


def test_it_is_read_again_after_its_seconds(acme: World, kept_settings: None, settings: Settings) -> None:
    assert kept.keep(lambda: 1, "number") == 1
    settings.KEEP_SETTINGS_SECONDS = 0
    assert kept.keep(lambda: 2, "number") == 2


def test_what_could_not_be_read_is_not_kept(acme: World, kept_settings: None) -> None:
    def fail() -> int:
        raise ValueError("away")

    with pytest.raises(ValueError, match="away"):
        kept.keep(fail, "number")
    assert kept.keep(lambda: 3, "number") == 3

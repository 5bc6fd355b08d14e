"""The shared cache, and somebody who may write to Redis."""

import pickle
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django import Settings
from redis import Redis

from core.privacy.encrypted_cache import BadSeal, SealedSerializer


class Bomb:
    """Does something as soon as it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


@pytest.fixture
def planted(tmp_path: Path) -> Any:
    """Return a key under which somebody else wrote code to run, and where that would leave its mark."""
    mark, name = tmp_path / "ran", "planted"
    raw: Redis = cache._cache.get_client(write=True)  # type: ignore[attr-defined]
    raw.set(cache.make_key(name), pickle.dumps(Bomb(mark)), ex=60)  # type: ignore[attr-defined]
    yield name, mark
    cache.delete(name)


def test_keys_are_of_this_run_of_tests_alone(settings: Settings) -> None:
    assert cache.make_key("x") == f"{settings.CACHES['default']['KEY_PREFIX']}:1:x"  # type: ignore[attr-defined]
    assert settings.CACHES["default"]["KEY_PREFIX"] != "walker"


@pytest.mark.parametrize("value", [7, True, 1.5, "text", [1.0, 2.0], {"a": None}, b"bytes"])
def test_what_was_kept_comes_back(value: object) -> None:
    cache.set("sealed", value, timeout=60)
    assert cache.get("sealed") == value


def test_counters_can_be_counted_up() -> None:
    cache.set("sealed", 1, timeout=60)
    assert cache.incr("sealed") == 2


def test_foreign_value_is_absent_and_nothing_of_it_runs(planted: tuple[str, Path]) -> None:
    name, mark = planted
    assert cache.get(name, "absent") == "absent"
    assert cache.get_many([name]) == {}
    assert not mark.exists()


def test_value_that_was_changed_has_no_seal() -> None:
    stored = SealedSerializer().dumps("text")
    assert isinstance(stored, bytes)
    with pytest.raises(BadSeal):
        SealedSerializer().loads(stored[:-1] + b"x")

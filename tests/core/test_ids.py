"""Keys are UUIDs of version 7, in the order in which they were made."""

import copy
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.ids import lowest_of, uuid7


def test_keys_made_in_a_row_are_in_order() -> None:
    keys = [uuid7() for _ in range(5000)]
    assert keys == sorted(keys)


def test_keys_of_a_moment_are_found_by_it_and_in_order() -> None:
    then = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
    later = then + timedelta(milliseconds=1)
    keys = [uuid7(moment) for moment in (then, then, then, later)]
    assert keys == sorted(set(keys))
    assert lowest_of(then) < keys[0] < keys[2] < lowest_of(later) < keys[3] < uuid7()
    assert {(key.version, key.variant) for key in keys} == {(7, "specified in RFC 4122")}


def test_key_is_of_version_7_and_the_rfc_variant() -> None:
    key = uuid7()
    assert (key.version, key.variant) == (7, "specified in RFC 4122")


def test_key_begins_with_the_milliseconds_of_now() -> None:
    assert abs((uuid7().int >> 80) - time.time_ns() // 1_000_000) < 1000


def test_key_is_like_any_other() -> None:
    key = uuid7()
    twin = UUID(str(key))
    assert (key, hash(key), repr(key), key.is_safe) == (twin, hash(twin), repr(twin), twin.is_safe)
    assert copy.deepcopy(key) == key

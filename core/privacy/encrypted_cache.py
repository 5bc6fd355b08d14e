"""The shared Redis cache, with an HMAC so that only values of this installation are read."""

import hmac
import pickle
from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from django.core.cache.backends.redis import RedisCache, RedisCacheClient

from core.observability import metrics

SEAL_BYTES: Final = 32
PURPOSE: Final = b"walker.cache"


class BadSeal(ValueError):
    """The value was written by someone else, or with another secret key."""


class SealedSerializer:
    """Pickles with an HMAC, so that write access to Redis doesn't allow running code here."""

    def dumps(self, obj: Any) -> bytes | int:
        """Return the signed bytes; integers stay as they are, so that Redis can increment them."""
        if type(obj) is int:
            return obj
        packed = pickle.dumps(obj, pickle.HIGHEST_PROTOCOL)
        return _seal(packed) + packed

    def loads(self, data: Any) -> Any:
        """Return the value. Raises BadSeal before unpickling anything."""
        try:
            return int(data)
        except ValueError:
            seal, packed = data[:SEAL_BYTES], data[SEAL_BYTES:]
        if not hmac.compare_digest(seal, _seal(packed)):
            raise BadSeal
        return pickle.loads(packed)  # noqa: S301  (the seal is ours)


@lru_cache(maxsize=4)
def _key(secret: str) -> bytes:
    return hmac.digest(secret.encode(), PURPOSE, "sha256")


def _seal(packed: bytes) -> bytes:
    return hmac.digest(_key(settings.SECRET_KEY), packed, "sha256")


_ABSENT: Final = object()
_pools: dict[tuple[str, ...], dict[int, Any]] = {}
_clients: dict[Any, Any] = {}


class _Client(RedisCacheClient):
    """Treats invalid values as absent."""

    def __init__(self, servers: Any, **options: Any) -> None:
        sealed: Any = SealedSerializer
        super().__init__(servers, **{"serializer": sealed, **options})
        # Per process: Django creates a cache for each request, which would connect to Redis each time.
        self._pools = _pools.setdefault((*servers, repr(options)), {})

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        """Return the same client each time: creating one costs more than a command."""
        pools: Any = super()
        pool = pools._get_connection_pool(write)
        if pool not in _clients:
            _clients[pool] = pools.get_client(key, write=write)
        return _clients[pool]

    def get(self, key: Any, default: Any) -> Any:
        try:
            found = super().get(key, _ABSENT)
        except BadSeal:
            found = _ABSENT
        metrics.note_cache_read("shared", is_hit=found is not _ABSENT)
        return default if found is _ABSENT else found

    def get_many(self, keys: Any) -> dict[Any, Any]:
        found = {key: self.get(key, _ABSENT) for key in keys}
        return {key: value for key, value in found.items() if value is not _ABSENT}


class SealedRedisCache(RedisCache):
    """Django's Redis cache with signed values."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = _Client

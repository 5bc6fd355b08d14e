"""The servers that settings name: PostgreSQL, its replica, and Redis in each of its three roles."""

from typing import Any, Final
from urllib.parse import urlsplit

from psycopg import IsolationLevel

from config.environment import env
from config.launcher.faults import StartError
from core.db.redis_servers import celery_tls, tls_options

REDIS_SCHEMES: Final = ("redis", "rediss", "unix")
WEB_CONNECTIONS: Final = env.int("WALKER_WEB_CONNECTIONS", default=20)
"""Connections to the database that a web process opens at most."""
REDIS_PREFIX: Final = env("WALKER_REDIS_PREFIX", default="walker")


def database(url: str) -> dict[str, Any]:
    """Return Django's settings of a connection, without a pool."""
    return {
        **env.db_url_config(url),
        "ENGINE": "core.db.postgresql",
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
        # Said by each transaction, as the role can be told otherwise: a claim must see a stop that came meanwhile.
        "OPTIONS": {"connect_timeout": 5, "isolation_level": IsolationLevel.READ_COMMITTED},
    }


def databases() -> dict[str, dict[str, Any]]:
    """Return the application's connections: the primary, and the replica if there is one."""
    # Workers fork, and a pool does not survive a fork: only the web process has one.
    is_web = env("WALKER_PROCESS", default="") == "web"
    found = {"default": database(env("DATABASE_URL"))}
    if is_web:
        size = {"min_size": min(2, WEB_CONNECTIONS), "max_size": WEB_CONNECTIONS}
        found["default"]["OPTIONS"]["pool"] = {**size, "timeout": 5}
    else:
        found["default"]["CONN_MAX_AGE"] = 600
    if url := env("DATABASE_REPLICA_URL", default=""):
        found["replica"] = replica(url, is_web=is_web)
    return found


def replica(url: str, *, is_web: bool) -> dict[str, Any]:
    """Return Django's settings of the replica: read-only, and given up soon, as the primary answers then."""
    made = database(url)
    # Two seconds are the least that the driver takes; in a web process, where somebody waits, the pool gives up before.
    made["OPTIONS"] |= {"read_only": True, "connect_timeout": 2, "tcp_user_timeout": 1000}
    if is_web:
        # Not tried on and on in the background: `core.db.replica` says when it is tried again.
        made["OPTIONS"]["pool"] = {"min_size": 0, "max_size": WEB_CONNECTIONS, "timeout": 1, "reconnect_timeout": 2}
    else:
        made["CONN_MAX_AGE"] = 600
    return made


def redis_address(name: str, url: str) -> str:
    """Return the address of a Redis that a setting names. Raises `StartError`."""
    # The address has a password: it is not shown.
    if urlsplit(url).scheme not in REDIS_SCHEMES:
        raise StartError(f"{name} must begin with redis:// or, with TLS, rediss://.")
    return url


REDIS_URL: Final = redis_address("REDIS_URL", env("REDIS_URL"))
BROKER_URL: Final = redis_address("BROKER_URL", env("BROKER_URL", default="") or REDIS_URL)
CACHE_URL: Final = redis_address("CACHE_URL", env("CACHE_URL", default="") or REDIS_URL)
LAYER_URLS: Final = [
    redis_address("LAYER_URLS", url.strip()) for url in env.list("LAYER_URLS", default=[]) if url.strip()
] or [REDIS_URL]
REDIS_CA: Final[str] = env("REDIS_CA", default="")
"""Certificates in PEM that servers of `rediss://` are checked with, besides those of the machine."""

CACHES: Final = {
    "default": {
        "BACKEND": "core.privacy.encrypted_cache.SealedRedisCache",
        "LOCATION": CACHE_URL,
        "KEY_PREFIX": REDIS_PREFIX,
        # Each request of the console asks it: one that hangs must fail as one that is away does.
        "OPTIONS": {"socket_timeout": 5, "socket_connect_timeout": 2, **tls_options(CACHE_URL, REDIS_CA)},
    }
}
CHANNEL_LAYERS: Final = {
    "default": {
        "BACKEND": "channels_app.sockets.layer.PatientRedisLayer",
        "CONFIG": {
            # What one connection can't send holds up the hints behind it.
            "hosts": [
                {"address": url, "socket_timeout": 5, "socket_connect_timeout": 2, **tls_options(url, REDIS_CA)}
                for url in LAYER_URLS
            ],
            "prefix": f"{REDIS_PREFIX}:layer",
            "symmetric_encryption_keys": [env("SECRET_KEY")],
        },
    }
}
BROKER_TLS: Final = celery_tls(BROKER_URL, REDIS_CA)

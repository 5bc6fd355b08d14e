"""The environment that settings are read from."""

import environ
from environ.fileaware_mapping import FileAwareMapping

from config.launcher.faults import StartError
from core.errors import Unavailable
from core.privacy import key_management
from core.privacy.key_management import KeyService


class _Given(FileAwareMapping):
    """The environment, and the files that its variables name.

    The line break that editors put at the end of a file is left out.
    """

    def __getitem__(self, key: str) -> str:
        value: str = super().__getitem__(key)
        return value.strip() if self.env.get(f"{key}_FILE") else value


env = environ.FileAwareEnv()
env.ENVIRON = _Given()

# What errors are sent with, and where to.
SENTRY_DSN: str = env("SENTRY_DSN", default="").strip()
SENTRY_ENVIRONMENT: str = env("SENTRY_ENVIRONMENT", default="production")
COMMIT: str = env("WALKER_COMMIT", default="").strip()[:40]


def metrics_address() -> tuple[str, int]:
    """Return where processes serve their metrics: a host, and a port, 0 without one. Raises ValueError."""
    return env("WALKER_METRICS_HOST", default="") or "127.0.0.1", env.int("WALKER_METRICS_PORT", default=0)


def drain_times() -> tuple[float, float, float]:
    """Return the seconds of a stop: of notice, of closing sockets, of finishing.

    The first is for balancers that look now and then whether it is ready.
    """
    return (
        env.float("WALKER_DRAIN_NOTICE", default=0.0),
        env.float("WALKER_DRAIN_SPREAD", default=3.0),
        env.float("WALKER_DRAIN_SECONDS", default=30.0),
    )


def key_ring() -> str:
    """Return the keys in clear: as they are given, or as AWS KMS unwraps them now (outside calls).

    Each process asks once, as it loads its settings: a worker's children have what their parent has, and KMS may be
    away later. Raises `StartError`.
    """
    ring: str = env("WALKER_KEYS")
    if not key_management.is_wrapped(ring):
        return ring
    key, access_key = env("WALKER_KMS_KEY", default=""), env("WALKER_KMS_ACCESS_KEY", default="")
    try:
        service = KeyService(key, access_key, env("WALKER_KMS_URL", default=""))
        try:
            return key_management.unwrap_ring(ring, service)
        finally:
            service.close()
    except Unavailable as problem:
        raise StartError(str(problem)) from None


def sign_in_with(google: str) -> dict[str, dict[str, str]]:
    """Return the installation's apps at Google, Microsoft and GitHub, by which people sign in with linked accounts.

    One without id or secret isn't offered. `google` is where people sign in at Google.
    """
    return {
        "google": {
            "id": env("GOOGLE_SIGN_IN_ID", default=""),
            "secret": env("GOOGLE_SIGN_IN_SECRET", default=""),
            "base": google,
        },
        "microsoft": {
            "id": env("MICROSOFT_SIGN_IN_ID", default=""),
            "secret": env("MICROSOFT_SIGN_IN_SECRET", default=""),
            "base": env("MICROSOFT_LOGIN_BASE", default="https://login.microsoftonline.com").rstrip("/"),
        },
        "github": {
            "id": env("GITHUB_SIGN_IN_ID", default=""),
            "secret": env("GITHUB_SIGN_IN_SECRET", default=""),
            "base": env("GITHUB_LOGIN_BASE", default="https://github.com").rstrip("/"),
            "api": env("GITHUB_API_BASE", default="https://api.github.com").rstrip("/"),
        },
    }

"""The environment that every process of an installation gets, and where it is kept for `manage.py`."""

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from config.launcher.faults import StartError
from config.launcher.place import PRODUCTS, ROOT, Place

GIVEN = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")
SERVERS = ("DATABASE_REPLICA_URL", "BROKER_URL", "CACHE_URL", "LAYER_URLS", "REDIS_CA")
NEEDED = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "WALKER_KEYS")
_NAMES = (
    *GIVEN,
    *SERVERS,
    *(f"{name}_FILE" for name in SERVERS),
    "SECRET_KEY",
    "WALKER_KEYS",
    # Not the access key to KMS: beside the wrapped keys, on the same disk, it would open them.
    "WALKER_KMS_KEY",
    "WALKER_KMS_URL",
    "VAPID_PRIVATE_KEY",
    "PUBLIC_URL",
    "SANDBOX_ADS_URL",
    *(f"SANDBOX_{name.upper()}_{part}" for name in PRODUCTS for part in ("URL", "TOKEN")),
    "TWILIO_API_BASE",
    "META_API_BASE",
    "META_LOGIN_BASE",
    "META_ADS_APP_ID",
    "META_ADS_APP_SECRET",
    "GOOGLE_ADS_API_BASE",
    "GOOGLE_LOGIN_BASE",
    "GOOGLE_TOKEN_BASE",
    "GOOGLE_ADS_CLIENT_ID",
    "GOOGLE_ADS_CLIENT_SECRET",
    "ZENDESK_API_BASE",
    "HUBSPOT_API_BASE",
    "SALESFORCE_API_BASE",
    "MODEL_HOSTS",
    "WEBHOOK_ENDPOINTS",
    "WEBHOOK_HOSTS",
    "BACK_OFFICE_HOSTS",
    "ROUNDUP_HOSTS",
    "SIEM_HOSTS",
    "IDENTITY_HOSTS",
    "SENDGRID_API_BASE",
    "SLACK_API_BASE",
    "PAGERDUTY_API_BASE",
    "ALLOWED_HOSTS",
    "WALKER_DEMO",
    "WALKER_RUN",
)


def given(name: str) -> str:
    """Return what the person set for a variable, directly or in the file that NAME_FILE names."""
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return os.environ.get(name, "")
    try:
        return Path(path).read_text().strip()
    except OSError:
        raise StartError(f"{name}_FILE names {path}, which cannot be read.") from None


def own_secrets(place: Place) -> dict[str, str]:
    """Return the installation's secrets, made once."""
    kept = place.read(place.secrets)
    fresh = {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "WALKER_KEYS": "1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        **{name: secrets.token_hex(24) for name in ("postgres", "owner", "app", "redis", *PRODUCTS, "metrics")},
        # A private key of P-256 is a number below its order, which begins with 32 ones.
        "push": base64.urlsafe_b64encode(b"\x7f" + secrets.token_bytes(31)).rstrip(b"=").decode(),
    }
    whole = {**fresh, **kept}
    if whole != kept:
        place.write(place.secrets, whole)
    return whole


def build(place: Place, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the children: the person's own, then ours where nothing was given."""
    made = own_secrets(place)
    ours = {
        "SECRET_KEY": given("SECRET_KEY") or made["SECRET_KEY"],
        "WALKER_KEYS": given("WALKER_KEYS") or made["WALKER_KEYS"],
        "VAPID_PRIVATE_KEY": given("VAPID_PRIVATE_KEY") or made["push"],
        "ALLOWED_HOSTS": given("ALLOWED_HOSTS") or "localhost,127.0.0.1,[::1]",
        "WALKER_DATA": str(place.path),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONUNBUFFERED": "1",
        **settings,
    }
    files = {f"{name}_FILE" for name in ours}
    return {**{name: value for name, value in os.environ.items() if name not in files}, **ours}


def keep(place: Place, environment: Mapping[str, str]) -> None:
    """Write down the environment for commands that run beside the installation."""
    place.write(place.environment, {name: environment[name] for name in _NAMES if name in environment})


def is_complete() -> bool:
    """Return True if the environment names all that a process needs."""
    return all(given(name) for name in NEEDED)


def load() -> None:
    """Complete this process's environment from the installation's data folder, unless it is complete."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if is_complete():
        return
    place = Place(Path(os.environ.get("WALKER_DATA") or ROOT / ".walker"))
    kept = place.read(place.environment)
    if not kept:
        raise StartError(
            f"nothing is installed in {place.path} yet. Start Walker once (./walker run), use `./walker manage ...`, "
            "or set DATABASE_URL, REDIS_URL, SECRET_KEY and WALKER_KEYS."
        )
    os.environ.setdefault("WALKER_DATA", str(place.path))
    for name, value in kept.items():
        if not given(name):
            os.environ[name] = value

"""Every setting can be given as a file, as secrets are in production."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "settings.md").read_text()
NAMES = re.findall(r"^\| `([A-Z_]+)`", PAGE, flags=re.MULTILINE)
# What a value has to look like; any other is a text.
VALUES = {
    "DATABASE_URL": "postgresql://u:filed@127.0.0.1:1/x",
    "DATABASE_OWNER_URL": "postgresql://o:filed@127.0.0.1:1/x",
    "DATABASE_REPLICA_URL": "postgresql://r:filed@127.0.0.1:1/x",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "BROKER_URL": "redis://127.0.0.1:1/1",
    "CACHE_URL": "rediss://127.0.0.1:1/2",
    "LAYER_URLS": "redis://127.0.0.1:1/3,redis://127.0.0.1:2/3",
    "PUBLIC_URL": "https://filed.example",
    "EMAIL_URL": "smtp+tls://u:filed@mail.example:587",
    "PUSH_HOSTS": "push.example",
    "WEBHOOK_ENDPOINTS": "4",
    "WEBHOOK_HOSTS": "hooks.example",
    "BACK_OFFICE_HOSTS": "office.example",
    "ROUNDUP_HOSTS": "tracker.example",
    "SIEM_HOSTS": "siem.example",
    "IDENTITY_HOSTS": "login.example",
    "MODEL_HOSTS": "models.example",
    "ALLOWED_HOSTS": "a.example,b.example",
    "TRUSTED_PROXIES": "10.0.0.1, 10.2.0.0/16",
}
# Of what is made of them only texts and lists are looked at.
PROGRAM = """
import json
from config import settings
found = {name: value for name, value in vars(settings).items() if isinstance(value, (str, list, dict))}
print(json.dumps(found, skipkeys=True, default=lambda _: None))
"""


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Read the settings in a process that is given files only."""
    folder = tmp_path_factory.mktemp("secrets")
    environment = {name: value for name, value in os.environ.items() if name not in NAMES}
    for name in (one for one in NAMES if not one.startswith("WALKER_") or one == "WALKER_KEYS"):
        (folder / name).write_text(VALUES.get(name, f"filed {name}") + "\n")
        environment[f"{name}_FILE"] = str(folder / name)
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_secrets_are_read_from_files_without_the_last_line_break(read: dict[str, object]) -> None:
    named = [name for name in NAMES if name in read and name not in VALUES and not name.startswith("WALKER_")]
    assert {name: read[name] for name in named} == {name: f"filed {name}" for name in named}
    assert {"SECRET_KEY", "SENDGRID_API_BASE", "TWILIO_API_BASE", "ANTHROPIC_API_KEY"} <= set(named)


def test_addresses_and_lists_are_read_from_files(read: dict[str, object]) -> None:
    assert (read["EMAIL_URL"], read["PUBLIC_URL"]) == (VALUES["EMAIL_URL"], VALUES["PUBLIC_URL"])
    assert (read["ALLOWED_HOSTS"], read["TRUSTED_PROXIES"]) == (
        ["a.example", "b.example"],
        ["10.0.0.1/32", "10.2.0.0/16"],
    )
    for name in ("REDIS_URL", "BROKER_URL", "CACHE_URL"):
        assert read[name] == VALUES[name]
    assert read["LAYER_URLS"] == VALUES["LAYER_URLS"].split(",")
    assert "filed" in str(read["DATABASES"])

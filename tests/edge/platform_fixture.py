"""The real sandbox platform as a process: `platform` (per session) and `sandbox` (reset per test)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.edge.standin_process import Process, end, launch

ACME_TOKEN = "sandbox-acme"
GLOBEX_TOKEN = "sandbox-globex"


@dataclass(frozen=True)
class Platform:
    """A running platform; the methods are what a test wants to do to it or know of it."""

    url: str
    process: Process

    def call(
        self, method: str, path: str, *, token: str = ACME_TOKEN, key: str = "", json: Any = None
    ) -> httpx2.Response:
        """Make one raw request."""
        headers = {"Authorization": f"Bearer {token}"}
        if key:
            headers["Idempotency-Key"] = key
        # verify: plain HTTP, and reading the certificates takes longer than the call.
        return httpx2.request(method, self.url + path, headers=headers, json=json, trust_env=False, verify=False)

    def script(self, match: str, do: str, **rule: Any) -> None:
        """Make the next matching requests go wrong."""
        answer = self.call("POST", "/__script", json={"match": match, "do": do, **rule})
        assert answer.status_code == 201, answer.text

    def journal(self, token: str = ACME_TOKEN) -> list[dict[str, Any]]:
        """Return all effects of an account, oldest first."""
        items: list[dict[str, Any]] = self.call("GET", "/v1/journal", token=token).json()["items"]
        return items

    def campaign(self, name: str = "Summer Sale", token: str = ACME_TOKEN) -> dict[str, Any]:
        """Return one campaign by name."""
        rows = self.call("GET", "/v1/campaigns", token=token).json()["items"]
        found: dict[str, Any] = next(row for row in rows if row["name"] == name)
        return found

    def reset(self) -> None:
        """Go back to the seed, with an empty journal and no rules."""
        assert self.call("POST", "/__reset").status_code == 200


def start_platform(folder: Path, port: int = 0) -> Platform:
    """Start the process and wait until it says where it listens."""
    return Platform(*launch("platform", folder, "--seed=demo", port=port))


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform for the whole session; its state is that of the tests before."""
    running = start_platform(tmp_path_factory.mktemp("platform"))
    yield running
    end(running.process)


@pytest.fixture
def sandbox(platform: Platform, settings: Any) -> Platform:
    """The platform as after its first start, and the product pointed at it."""
    platform.reset()
    settings.SANDBOX_ADS_URL = platform.url
    return platform

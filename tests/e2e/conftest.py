"""One running installation and one real browser for the tests of the whole product."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.installation import Installation, running

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Start Walker once for all tests of this folder."""
    with running(tmp_path_factory.mktemp("walker") / "data") as started:
        yield started


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Start a headless Chromium."""
    if not os.path.exists(CHROMIUM):  # noqa: PTH110
        pytest.skip("no Chromium at /usr/bin/chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()

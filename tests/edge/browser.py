"""One headless Chromium for each module of tests, and what they ask of its pages."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from pytest_django.live_server_helper import LiveServer

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
SHOTS = os.environ.get("WALKER_SHOTS", "")


@pytest.fixture(scope="session")
def live_server() -> Iterator[LiveServer]:
    """Run a server that serves static files too: pytest-django looks for their app by its plain name only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "INSTALLED_APPS", [*settings.INSTALLED_APPS, "django.contrib.staticfiles"])
        server = LiveServer("localhost")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Run one headless Chromium; Playwright's own loop must not forbid the ORM in this thread."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


IMPACTS = ("minor", "moderate", "serious", "critical")


COLOURS = ("color-contrast", "link-in-text-block")
"""The rules of axe that another theme may break; all others look at what both themes share."""


def serious(page: Any, *, least: str = "serious", rules: tuple[str, ...] = ()) -> list[str]:
    """Return axe's findings of that impact or a graver one, with their places; all rules unless some are named."""
    from axe_playwright_python.base import AXE_SCRIPT

    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    # A part that is being replaced is dimmed for that moment.
    page.locator(".is-loading").first.wait_for(state="detached")
    # Colours change over a moment: in the middle of it they are nobody's choice.
    page.evaluate("document.getAnimations().filter(one => one instanceof CSSTransition).forEach(one => one.finish())")
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    found: list[dict[str, Any]] = page.evaluate("options => axe.run(options)", options)["violations"]
    grave = [entry for entry in found if entry["impact"] in IMPACTS[IMPACTS.index(least) :]]
    return [f"{entry['id']}: {[node['target'] for node in entry['nodes']][:5]}" for entry in grave]


def show_without_sandbox(page: Any, url: str) -> Any:
    """Show a page that forbids itself scripts so that axe can look at it: there its timers never end."""
    answer = page.request.get(url)
    page.goto("about:blank")
    page.set_content(answer.text())
    return answer


def keep_picture(page: Any, name: str, *, full_page: bool = True) -> None:
    """Keep a picture of the page when a folder for them is named."""
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=full_page)

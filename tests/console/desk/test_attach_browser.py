"""A reply with files in a real browser: chosen, dropped, pasted, removed, sent, and without JavaScript."""

import base64
import re

import pytest
from playwright.sync_api import Page, expect

from accounts.privacy.reveals import reveal
from conversations.models import Attachment
from core.tenancy.scope import tenant_scope
from tests import files
from tests.console.scene import Scene
from tests.console.test_browser import Opener, faults_of, opened, scene
from tests.edge.browser import keep_picture

__all__ = ["opened", "scene"]  # fixtures
pytestmark = [pytest.mark.browser, pytest.mark.slow]
GIVE = """(place, [kind, name, type, content]) => {
  const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0)), box = new DataTransfer();
  box.items.add(new File([bytes], name, { type }));
  const given = { bubbles: true, cancelable: true };
  place.dispatchEvent(kind === "paste"
    ? new ClipboardEvent("paste", { ...given, clipboardData: box })
    : new DragEvent(kind, { ...given, dataTransfer: box }));
}"""


def give(page: Page, kind: str, name: str, content: bytes, mime: str) -> None:
    """Drop or paste a file into the text of the reply."""
    page.locator("#live-reply textarea[name=text]").evaluate(
        GIVE, [kind, name, mime, base64.b64encode(content).decode()]
    )


def test_files_are_chosen_dropped_pasted_removed_and_sent(opened: Opener, scene: Scene) -> None:
    page = opened(scene.path("conversation"), "owner")
    page.locator("#live-reply input[type=file]").set_input_files(
        {"name": "prices.pdf", "mimeType": "application/pdf", "buffer": files.PDF}
    )
    give(page, "drop", "receipt.png", files.png(320, 200), "image/png")
    give(page, "paste", "mistake.png", files.png(), "image/png")
    chosen = page.locator(".wk-attached-file")
    expect(chosen).to_have_count(3)
    page.get_by_role("button", name="Remove mistake.png").click()
    expect(chosen).to_have_count(2)
    expect(page.locator(".wk-attached-picture:not([hidden])")).to_have_count(1)
    page.locator("#live-reply textarea[name=text]").fill("Here is the receipt, and our prices.")
    assert faults_of(page, "composer with files") == []
    page.locator("#send").click()
    expect(page.locator(".wk-file")).to_have_count(2)
    with tenant_scope(scene.world.acme.pk):
        sent = Attachment.objects.order_by("-content_type")
        assert [(file.filename, file.width) for file in sent] == [("receipt.png", 320), ("prices.pdf", 0)]
        chat = sent[0].message.conversation_id
        owner = scene.world.actor("owner")
        reveal(
            actor=owner,
            object_type="conversations.conversation",
            object_id=chat,
            fields=["messages"],
            reason="Check the receipt",
        )
    # The clock of this machine is ten minutes fast: the page counts by the server's, and doesn't load itself again.
    page.add_init_script("const real = Date.now; Date.now = () => real() + 600_000;")
    page.reload()
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    expect(page.locator("time[data-countdown]").first).to_have_text(re.compile(r"^4:\d\d$"))
    page.wait_for_timeout(2_500)
    assert loads == []
    shown = page.locator(".wk-file-picture img")
    shown.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.wk-file-picture img').naturalWidth === 320")
    give(page, "drop", "offer-for-a-customer-with-a-very-long-name-2026-11.pdf", files.PDF, "application/pdf")
    expect(chosen).to_have_count(1)
    assert faults_of(page, "transcript with files") == []


def test_without_scripts_the_file_field_sends_and_a_refusal_is_said(opened: Opener, scene: Scene) -> None:
    page = opened(scene.path("conversation"), "owner", scripts=False, phone=True)
    field = page.locator("#live-reply input[type=file]")
    field.set_input_files({"name": "bill.pdf", "mimeType": "application/pdf", "buffer": files.EXE})
    page.locator("#send").click()
    expect(page.get_by_text("can run as a program")).to_be_visible()
    keep_picture(page, "files-refused-phone")
    page.locator("input[type=file]").set_input_files(
        {"name": "prices.pdf", "mimeType": "application/pdf", "buffer": files.PDF}
    )
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".wk-file")).to_have_count(1)

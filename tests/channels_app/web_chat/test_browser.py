"""The chat in a real browser against a real Daphne: hosted page, embedded bubble, outage and return."""

import base64
import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client
from playwright.sync_api import Browser, Page, Route, expect
from playwright.sync_api import Error as PlaywrightError

from accounts.members.pictures import save_picture
from accounts.models import User
from channels_app.web_chat import identity
from channels_app.web_chat.settings.manage import new_identity_secret
from conversations import services
from conversations.messages.files.rules import Upload
from conversations.models import ChannelAccount, Conversation, Message
from conversations.services import Draft, Sender
from core import actors
from core.clock import now
from core.events import streams
from core.tenancy.models import tenant_scope
from tests import files
from tests.channels_app.conftest import SECRET, make_widget
from tests.edge.browser import keep_picture, serious
from tests.edge.web_server import Web
from tests.world import OPERATOR, World

PHONE = {"width": 390, "height": 800}
DESK = {"width": 1100, "height": 780}
APPROVAL = "01900000-0000-7000-8000-000000000001"
SUMMARY = "Raise the daily budget of Summer Sale from 600.00 to 900.00 EUR"

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def web(chromium: Browser, django_db_setup: None) -> Iterator[Web]:
    """Run one Daphne for all tests here; each test finds the database empty."""
    server = Web()
    server.start()
    yield server
    server.stop()


@dataclass
class Scene:
    """A widget that signs in the demo's member, and the steps of the other side."""

    world: World
    account: ChannelAccount

    def conversation(self) -> Conversation:
        with tenant_scope(self.world.acme.pk):
            found: Conversation = Conversation.objects.get()
            return found

    def reply(self, text: str, **metadata: Any) -> None:
        said = Draft(text=text, sender=Sender(name="Paid Ads"), metadata=metadata)
        place = {"actor": actors.system("tests"), "conversation_id": self.conversation().pk}
        self.elsewhere(lambda: services.reply(**place, draft=said))

    def report(self, text: str, **metadata: str) -> None:
        said = Draft(text=text, sender=Sender(type="system", name="walker"), metadata=metadata)
        place = {"actor": actors.system("agents"), "conversation_id": self.conversation().pk}
        self.elsewhere(lambda: services.reply(**place, draft=said))

    def person(self, text: str) -> None:
        said = Draft(text=text, sender=Sender(type="person"))
        with tenant_scope(self.world.acme.pk):
            place = {"actor": self.world.actor("support"), "conversation_id": self.conversation().pk}
        self.elsewhere(lambda: services.reply(**place, draft=said))

    def send(self, *uploads: Upload) -> None:
        said = Draft(text="Here you are.", sender=Sender(type="system"), files=uploads)
        place = {"actor": OPERATOR, "conversation_id": self.conversation().pk}
        self.elsewhere(lambda: services.reply(**place, draft=said))

    def append(self, type: str, **payload: str) -> None:
        stream = self.conversation().stream
        self.elsewhere(lambda: streams.append(stream, type, payload))

    def passing(self, type: str, **payload: Any) -> None:
        stream = self.conversation().stream
        self.elsewhere(lambda: streams.transient(stream, type, payload))

    def elsewhere(self, step: Callable[[], Any]) -> None:
        """Run a step in a thread, as a worker would: this one is inside Playwright's event loop."""

        def run() -> None:
            try:
                with tenant_scope(self.world.acme.pk), transaction.atomic():
                    step()
            finally:
                connection.close()

        with ThreadPoolExecutor(max_workers=1) as pool:
            pool.submit(run).result(timeout=20)

    def messages(self) -> list[Message]:
        with tenant_scope(self.world.acme.pk):
            return list(Message.objects.order_by("seq"))


@pytest.fixture
def scene(web: Web, committed_world: World) -> Scene:
    kept = {
        "identity_secret": SECRET,
        "shows_people": True,
        "hosted_identity": committed_world.people["support"].email,
        "greeting": "Hello. What should we look at?",
        "suggestions": ["How are my campaigns doing?", "Raise the daily budget of Summer Sale to 900"],
    }
    account = make_widget(committed_world.acme.pk, "Acme desk", credentials=kept)
    return Scene(committed_world, account)


@pytest.fixture
def opened(chromium: Browser, web: Web, scene: Scene) -> Iterator[Callable[..., Page]]:
    """Open a page, light or dark, on a desk or a phone; a console error fails the test."""
    contexts, problems = [], []

    def open_page(path: str = "", *, dark: bool = False, phone: bool = False) -> Page:
        context = chromium.new_context(
            viewport=PHONE if phone else DESK,  # type: ignore[arg-type]
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if "Security" in said.text else None)
        page.goto(path or f"{web.url}/chat/{scene.account.public_key}/")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def write(page: Page, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")


@pytest.mark.parametrize(
    ("dark", "phone"),
    [
        (True, True),
        *(pytest.param(*mix, marks=pytest.mark.slow) for mix in [(False, False), (True, False), (False, True)]),
    ],
)
def test_conversation_with_an_approval_is_shown(
    opened: Callable[..., Page], scene: Scene, dark: bool, phone: bool
) -> None:
    name = f"chat-{'dark' if dark else 'light'}{'-phone' if phone else ''}"
    page = opened(dark=dark, phone=phone)
    expect(page.get_by_text("Hello. What should we look at?")).to_be_visible()
    expect(page.get_by_text("Online")).to_be_visible()
    expect(page.get_by_text("A person approves every change")).to_be_visible()
    keep_picture(page, f"{name}-empty", full_page=False)
    assert serious(page) == []
    page.get_by_role("button", name="Raise the daily budget").click()
    expect(page.get_by_text("Sent ·")).to_be_visible()
    scene.passing("agent_typing", value=True, run="1")
    expect(page.get_by_role("button", name="Stop the answer")).to_be_visible()
    scene.passing("agent_delta", content="This waits", run="1")
    expect(page.get_by_text("This waits", exact=True)).to_be_visible()
    scene.append("approval_pending", approval_id=APPROVAL, reference="BR-1042", state="pending", summary=SUMMARY)
    scene.reply("This waits for signature BR-1042.")
    expect(page.get_by_text("Waiting for approval")).to_be_visible()
    keep_picture(page, f"{name}-waiting", full_page=False)
    scene.append("approval_closed", approval_id=APPROVAL, reference="BR-1042", state="executed", outcome="executed")
    expect(page.get_by_text("Done", exact=True)).to_be_visible()
    expect(page.get_by_text("This waits", exact=True)).to_be_hidden()
    asked = {"approval_id": APPROVAL, "reference": "BR-1042"}
    scene.report("BR-1042: for how long?", **asked, approval_state="info_requested")
    expect(page.locator("walker-chat li").last).to_contain_text("for how long?")
    write(page, "Until Sunday")
    expect(page.get_by_text("Sent ·")).to_have_count(2)
    scene.report("BR-1042 was approved by a colleague and done.", **asked, approval_state="executed")
    # What waited has become the outcome, where the customer looks now, and nothing says it a second time.
    expect(page.locator("walker-chat li").last).to_contain_text("approved by a colleague and done")
    expect(page.locator("walker-chat .card")).to_have_count(1)
    expect(page.get_by_text("approved by a colleague and done")).to_have_count(1)
    page.reload()
    expect(page.get_by_text("approved by a colleague and done")).to_have_count(1)
    expect(page.locator("walker-chat .card")).to_have_count(1)
    expect(page.locator("walker-chat .card")).to_contain_text("Raise the daily budget")
    assert serious(page) == []
    keep_picture(page, f"{name}-done", full_page=False)


def test_piece_of_an_answer_that_comes_after_it_is_not_shown(opened: Callable[..., Page], scene: Scene) -> None:
    page = opened()
    write(page, "Hello")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    scene.reply("It waits for a signature.", run="7")
    expect(page.get_by_text("It waits for a signature.")).to_be_visible()
    scene.passing("agent_delta", content="It waits for", run="7")
    scene.passing("agent_delta", content="Another answer", run="8")
    expect(page.get_by_text("Another answer", exact=True)).to_be_visible()


def test_picture_of_a_colleague_is_shown_and_a_file_is_saved(opened: Callable[..., Page], scene: Scene) -> None:
    page = opened()
    write(page, "Can you send me the receipt?")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    scene.send(Upload("receipt.png", files.png(320, 200)), Upload("prices for you.pdf", files.PDF))
    expect(page.get_by_role("img", name="receipt.png")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="prices for you.pdf").click()
    assert (saved.value.suggested_filename, saved.value.path().read_bytes()) == ("prices for you.pdf", files.PDF)
    assert serious(page) == []
    for name, look in (("light", DESK), ("dark", DESK), ("phone", PHONE)):
        page.emulate_media(color_scheme="dark" if name == "dark" else "light")
        page.set_viewport_size(look)  # type: ignore[arg-type]
        keep_picture(page, f"chat-files-{name}", full_page=False)


@pytest.fixture
def documents(tmp_path: Path) -> dict[str, Path]:
    """Files on the visitor's disk, one of them a program that is called a picture."""
    found = {
        "roof.png": files.png(320, 200),
        "bill.pdf": files.PDF,
        "holiday.png": files.EXE,
        "film.pdf": files.PDF + b" " * (10 * 1024 * 1024),
        **{f"{number}.png": files.png() for number in range(10)},
    }
    for name, content in found.items():
        (tmp_path / name).write_bytes(content)
    return {name: tmp_path / name for name in found}


def attach(page: Page, *paths: Path) -> None:
    page.locator("walker-chat input[type=file]").set_input_files(paths)


def drop(page: Page, *paths: Path) -> None:
    """Let go of files over the chat."""
    carried = page.evaluate_handle("() => new DataTransfer()")
    for path in paths:
        page.evaluate(
            "([to, name, bytes]) => to.items.add(new File([new Uint8Array(bytes)], name, { type: 'image/png' }))",
            [carried, path.name, list(path.read_bytes())],
        )
    page.locator("walker-chat .scroll").dispatch_event("drop", {"dataTransfer": carried})


def test_visitor_sends_files_and_sees_what_is_wrong_with_others(
    opened: Callable[..., Page], scene: Scene, documents: dict[str, Path]
) -> None:
    page = opened()
    attach(page, documents["roof.png"], documents["bill.pdf"])
    page.get_by_label("Your message").fill("My roof")
    expect(page.get_by_role("list", name="Files to send").get_by_role("listitem")).to_have_count(2)
    assert serious(page) == []
    keep_picture(page, "chat-attach-tray", full_page=False)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    expect(page.locator("walker-chat li.me img")).to_be_visible()
    expect(page.get_by_label("Your message")).to_have_value("")
    [message] = scene.messages()
    assert (message.body, [one["content_type"] for one in message.media]) == (
        "My roof",
        ["image/png", "application/pdf"],
    )
    drop(page, *(documents[f"{number}.png"] for number in range(10)))
    expect(page.get_by_role("alert")).to_have_text("Send at most 5 files with one message.")
    expect(page.get_by_role("list", name="Files to send").get_by_role("listitem")).to_have_count(5)
    page.get_by_role("button", name="Remove 0.png").click()
    expect(page.get_by_role("list", name="Files to send").get_by_role("listitem")).to_have_count(4)
    for number in range(1, 5):
        page.get_by_role("button", name=f"Remove {number}.png").click()
    attach(page, documents["film.pdf"])
    expect(page.get_by_role("alert")).to_contain_text("up to 10 MB")
    attach(page, documents["holiday.png"])
    page.get_by_label("Your message").fill("My holiday")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This file can't be sent here. Send a picture or a PDF.")
    for name, look in (("light", DESK), ("dark", DESK), ("phone", PHONE)):
        page.emulate_media(color_scheme="dark" if name == "dark" else "light")
        page.set_viewport_size(look)  # type: ignore[arg-type]
        assert serious(page) == []
        keep_picture(page, f"chat-visitor-files-{name}", full_page=False)
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_label("Your message")).to_have_value("My holiday")
    page.reload()
    expect(page.locator("walker-chat li.me img")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="bill.pdf").click()
    assert saved.value.path().read_bytes() == files.PDF
    assert len(scene.messages()) == 1


def test_upload_without_a_connection_keeps_its_words_and_is_sent_once(
    opened: Callable[..., Page], scene: Scene, documents: dict[str, Path]
) -> None:
    page = opened()
    expect(page.get_by_text("Online")).to_be_visible()
    page.route("**/widget/v1/messages/", lambda route: route.abort())
    attach(page, documents["roof.png"])
    write(page, "My roof")
    expect(page.get_by_text("the connection was lost")).to_be_visible()
    keep_picture(page, "chat-upload-lost", full_page=False)
    page.reload()
    expect(page.get_by_label("Your message")).to_have_value("My roof")
    expect(page.get_by_text("Online")).to_be_visible()  # a chat that comes online tries again by itself
    attach(page, documents["roof.png"])
    page.keyboard.press("Enter")
    expect(page.get_by_text("the connection was lost")).to_be_visible()
    page.unroute("**/widget/v1/messages/")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Sent ·")).to_be_visible()
    assert [(one.body, len(one.media)) for one in scene.messages()] == [("My roof", 1)]


def test_upload_of_two_gigabytes_is_cut_off_by_the_server_itself(web: Web, scene: Scene) -> None:
    head = "POST /widget/v1/messages/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2147483648\r\n\r\n"
    with socket.create_connection(("127.0.0.1", web.port), timeout=20) as line:
        line.sendall(head.encode())
        assert line.recv(200).startswith(b"HTTP/1.1 413")


def test_colleague_who_answers_has_a_first_name_and_is_seen_typing(opened: Callable[..., Page], scene: Scene) -> None:
    User.objects.filter(pk=scene.world.people["support"].pk).update(first_name="Anna", last_name="Quill")
    page = opened()
    write(page, "Is anybody there?")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    scene.passing("person_typing", name="Anna")
    expect(page.get_by_text("Anna is typing")).to_be_visible()
    assert serious(page) == []
    keep_picture(page, "chat-person-typing", full_page=False)
    scene.person("I am.")
    expect(page.locator("walker-chat .person .name")).to_have_text("AAnna, a person")
    expect(page.get_by_text("Anna is typing")).to_be_hidden()
    assert "Quill" not in page.locator("walker-chat").evaluate("chat => chat.shadowRoot.textContent")
    support, picture = scene.world.actor("support"), SimpleUploadedFile("me.png", files.png(40, 40))
    scene.elsewhere(lambda: save_picture(actor=support, picture=picture))
    page.reload()
    face = page.locator("walker-chat .person .face img")
    expect(face).to_be_visible()
    assert face.evaluate("image => [image.complete, image.naturalWidth]") == [True, 128]
    assert serious(page) == []
    keep_picture(page, "chat-person", full_page=False)
    with tenant_scope(scene.world.acme.pk):
        account = ChannelAccount.objects.get(pk=scene.account.pk)
        ChannelAccount.objects.filter(pk=account.pk).update(credentials={**account.credentials, "shows_people": False})
    page.reload()
    expect(page.locator("walker-chat .person .name")).to_have_text("Colleague, a person")


def test_page_of_a_long_talk_scrolls_only_inside_the_chat(opened: Callable[..., Page], scene: Scene) -> None:
    page = opened()
    write(page, "\n".join("Hello" for _ in range(60)))
    expect(page.get_by_text("Sent ·")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollHeight - innerHeight") == 0


def test_hosted_page_is_the_demo_member(opened: Callable[..., Page], scene: Scene) -> None:
    page = opened()
    write(page, "Hello")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    with tenant_scope(scene.world.acme.pk):
        assert scene.conversation().contact.user_id == scene.world.people["support"].pk


def test_text_with_markup_stays_text(opened: Callable[..., Page], scene: Scene) -> None:
    page = opened()
    write(page, "<img src=x onerror=alert(1)> **bold**")
    scene_text = "<script>alert(2)</script>"
    expect(page.get_by_text("Sent ·")).to_be_visible()
    scene.reply(scene_text)
    expect(page.get_by_text(scene_text)).to_be_visible()
    assert page.locator("walker-chat img, walker-chat script").count() == 0


def test_list_in_an_answer_is_drawn_and_its_markup_stays_text(opened: Callable[..., Page], scene: Scene) -> None:
    page = opened()
    write(page, "What is there?")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    scene.reply("Two:\n- <b>one</b>\n- two\n\nWhich one?")
    expect(page.locator("walker-chat .agent .text li")).to_have_text(["<b>one</b>", "two"])
    expect(page.locator("walker-chat .agent .name")).to_have_text("Paid Ads")
    own, script = {"n": 1, "title": "Returns", "url": "https://acme.example/returns"}, "javascript:alert(1)"
    scene.reply("Within 30 days [1].", sources=[own, {"n": 2, "title": "<b>Sizes</b>", "url": script}])
    cards = page.get_by_role("list", name="Sources")
    expect(cards.get_by_role("link")).to_have_text("[1]Returnsacme.example")
    expect(cards.get_by_role("link")).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(cards.get_by_role("listitem")).to_have_text(["[1]Returnsacme.example", "[2]<b>Sizes</b>"])
    assert serious(page) == []
    keep_picture(page, "chat-sources", full_page=False)


def test_message_written_during_an_outage_is_sent_once_after_it(
    opened: Callable[..., Page], scene: Scene, web: Web
) -> None:
    page = opened()
    write(page, "before")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    with web.away():
        expect(page.get_by_text("No connection.")).to_be_visible(timeout=8000)
        write(page, "during")
        expect(page.get_by_text("Waiting to be sent")).to_be_visible()
        keep_picture(page, "chat-offline", full_page=False)
        scene.reply("written while you were away")
    expect(page.get_by_text("written while you were away")).to_be_visible(timeout=40000)
    expect(page.get_by_text("Sent ·")).to_have_count(2, timeout=15000)
    assert [one.body for one in scene.messages()].count("during") == 1


def test_busy_desk_says_so_and_what_was_written_survives_a_reload(opened: Callable[..., Page], scene: Scene) -> None:
    page = opened()
    expect(page.get_by_text("Online")).to_be_visible()
    page.route("**/widget/v1/session/", lambda route: route.fulfill(status=429, json={"code": "too_many"}))
    page.reload()
    expect(page.get_by_text("Busy, trying again")).to_be_visible()
    expect(page.get_by_text("No connection")).to_be_hidden()
    write(page, "written while it was busy")
    page.get_by_label("Your message").fill("half a sentence")
    keep_picture(page, "chat-busy", full_page=False)
    assert serious(page) == []
    page.reload()
    expect(page.get_by_text("written while it was busy")).to_be_visible()
    expect(page.get_by_label("Your message")).to_have_value("half a sentence")
    page.unroute("**/widget/v1/session/")
    page.reload()
    expect(page.get_by_text("Sent ·")).to_be_visible()
    expect(page.get_by_text("written while it was busy")).to_have_count(1)
    assert [one.body for one in scene.messages()] == ["written while it was busy"]


def test_message_too_long_is_counted_and_held_back(opened: Callable[..., Page], scene: Scene) -> None:
    page = opened()
    write(page, "x" * 4100)
    expect(page.get_by_text("4 characters over the limit")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("4096")
    keep_picture(page, "chat-too-long", full_page=False)
    assert scene.messages() == []


def test_chat_that_is_refused_takes_no_words(opened: Callable[..., Page]) -> None:
    page = opened()
    page.route("**/widget/v1/session/", lambda route: route.fulfill(status=403, json={"code": "bad_identity"}))
    page.reload()
    expect(page.get_by_text("Your sign-in has expired")).to_be_visible()
    expect(page.get_by_label("Your message")).to_be_disabled()


def test_page_reloaded_shows_the_conversation_again(opened: Callable[..., Page], scene: Scene) -> None:
    page = opened()
    write(page, "Hello")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    scene.reply("Good day")
    expect(page.get_by_text("Good day")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Good day")).to_be_visible()
    expect(page.get_by_role("listitem")).to_have_count(2)


@pytest.fixture
def shop(web: Web, scene: Scene) -> Iterator[str]:
    """A website of somebody else with the component on it, which says who the visitor is on its page /mine."""
    body = f"""<!doctype html><html lang="en"><head><title>Shop</title>
<meta name="viewport" content="width=device-width">
<script src="{web.url}/widget/v1/walker.js" defer></script></head><body><h1>Shop</h1>
<walker-chat widget="{scene.account.public_key}"></walker-chat></body></html>"""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            said = body.replace("<walker-chat ", '<walker-chat identity-url="/me" ') if self.path == "/mine" else body
            self.wfile.write(said.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def register(scene: Scene, origin: str) -> None:
    with tenant_scope(scene.world.acme.pk):
        ChannelAccount.objects.filter(pk=scene.account.pk).update(origins=[origin])


@pytest.mark.parametrize("trouble", ["no connection", "busy site"])
def test_text_written_offline_survives_a_reload_on_which_nobody_says_who_is_there(
    opened: Callable[..., Page], scene: Scene, shop: str, trouble: str
) -> None:
    register(scene, shop)
    page, is_fine = opened(), True

    def who_is_it(route: Route) -> None:
        if is_fine:
            key = scene.account.public_key
            route.fulfill(json={"identity": identity.sign(secret=SECRET, widget=key, subject="ada", now=now())})
        elif trouble == "busy site":
            route.fulfill(status=503, body="busy")
        else:
            route.abort()

    page.route("**/me", who_is_it)
    page.goto(f"{shop}/mine")
    page.get_by_role("button", name="Open the chat").click()
    expect(page.get_by_text("Online")).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_text("No connection.")).to_be_visible(timeout=8000)
    write(page, "written without a connection")
    expect(page.get_by_text("Waiting to be sent")).to_be_visible()
    page.get_by_label("Your message").fill("half a sentence")
    with pytest.raises(PlaywrightError):
        page.reload()
    page.context.set_offline(False)
    is_fine = False
    page.goto(f"{shop}/mine")
    page.get_by_role("button", name="Open the chat").click()
    expect(page.get_by_text("No connection, retrying")).to_be_visible(timeout=8000)
    page.get_by_label("Your message").fill("x")
    page.get_by_label("Your message").fill("")
    is_fine = True
    page.goto(f"{shop}/mine")
    page.get_by_role("button", name="Open the chat").click()
    expect(page.get_by_text("Sent ·")).to_be_visible(timeout=15000)
    expect(page.get_by_label("Your message")).to_have_value("half a sentence")
    assert [one.body for one in scene.messages()] == ["written without a connection"]


@pytest.mark.parametrize("phone", [False, True])
def test_bubble_on_a_registered_site_takes_a_message(
    opened: Callable[..., Page], scene: Scene, shop: str, phone: bool
) -> None:
    register(scene, shop)
    page = opened(shop, phone=phone)
    page.get_by_role("button", name="Open the chat").click()
    expect(page.get_by_label("Your message")).to_be_focused()
    expect(page.get_by_text("Online")).to_be_visible()
    # A visitor can ask for no change that a person would have to approve.
    expect(page.get_by_text("You're chatting with an AI assistant. A person can join at any time.")).to_be_visible()
    write(page, "Hello from the shop")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    keep_picture(page, f"bubble{'-phone' if phone else ''}", full_page=False)
    assert serious(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Open the chat")).to_be_focused()
    scene.reply("An answer for later")
    expect(page.get_by_role("button", name="Open the chat, 1 unread")).to_be_visible()


def test_arabic_chat_reads_from_right_to_left_and_overflows_nothing(
    opened: Callable[..., Page], scene: Scene, shop: str
) -> None:
    register(scene, shop)
    page = opened(shop, phone=True)
    page.evaluate("Object.assign(document.documentElement, { dir: 'rtl', lang: 'ar' })")
    page.get_by_role("button", name="Open the chat").click()
    expect(page.get_by_text("Online")).to_be_visible()
    page.get_by_label("Your message").fill("مرحبا، أين طلبي رقم 4711؟ (أمس)")
    direction = "places => places.map((place) => getComputedStyle(place).direction)"
    assert page.get_by_label("Your message").evaluate_all(direction) == ["rtl"]
    page.keyboard.press("Enter")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    scene.reply(f"{'هو في الطريق، ' * 20}\n- واحد\n- اثنان\n\nOrder 4711 is on its way.")
    expect(page.locator("walker-chat .agent .text li")).to_have_count(2)
    for around in ("rtl", "ltr"):  # the website's direction; that of each paragraph is its own
        page.evaluate("around => { document.documentElement.dir = around; }", around)
        assert page.locator("walker-chat .text > *").evaluate_all(direction) == ["rtl", "rtl", "rtl", "ltr"]
        astray = page.locator("walker-chat .panel, walker-chat .text, walker-chat .compose").evaluate_all(
            "places => places.map((place) => place.getBoundingClientRect())"
            ".filter(({ left, right }) => left < -1 || right > innerWidth + 1).length"
        )
        assert (astray, page.evaluate("document.documentElement.scrollWidth <= innerWidth")) == (0, True)
        keep_picture(page, f"bubble-arabic-{around}", full_page=False)
    assert [finding for finding in serious(page) if "walker-chat" in finding] == []


def test_bubble_has_the_look_of_its_channel_before_anybody_opens_it(
    opened: Callable[..., Page], scene: Scene, shop: str
) -> None:
    register(scene, shop)
    logo = base64.b64encode(files.png(40, 40)).decode()
    look = {"theme": "site", "position": "left", "colour": "#7a1f6b", "logo": logo}
    with tenant_scope(scene.world.acme.pk):
        kept = {**scene.account.credentials, "look": look}
        ChannelAccount.objects.filter(pk=scene.account.pk).update(credentials=kept)
    page = opened(shop)
    launcher = page.get_by_role("button", name="Open the chat")
    expect(launcher).to_have_css("background-color", "rgb(122, 31, 107)")
    place = launcher.bounding_box()
    assert place is not None
    assert place["x"] < 100
    launcher.click()
    expect(page.locator("walker-chat .mark img")).to_be_visible()
    expect(page.locator("walker-chat .panel")).to_have_css("background-color", "rgb(255, 255, 255)")
    keep_picture(page, "bubble-look-light", full_page=False)
    # The website turns dark, and its chat with it.
    page.evaluate("document.body.style.background = '#101010'")
    expect(page.locator("walker-chat .panel")).to_have_css("background-color", "rgb(18, 24, 22)")
    write(page, "Hello")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    assert [finding for finding in serious(page) if "walker-chat" in finding] == []
    keep_picture(page, "bubble-look-dark", full_page=False)


def test_console_shows_the_chat_as_it_is_set(opened: Callable[..., Page], scene: Scene, web: Web) -> None:
    page = opened(f"{web.url}/healthz")
    client = Client()
    client.force_login(scene.world.people["owner"], backend="accounts.backends.RoleBackend")
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": f"walker_session{web.port}", "value": session, "url": web.url}])
    page.goto(f"{web.url}/admin/conversations/channelaccount/{scene.account.pk}/look/")
    seen = page.get_by_label("Preview")
    expect(seen.get_by_text("When are you open?")).to_be_visible()
    page.get_by_label("Theme", exact=True).select_option("dark")
    page.get_by_label("Position", exact=True).select_option("left")
    page.get_by_label("Colour (optional)").fill("#7a1f6b")
    page.get_by_label("Greeting (optional)").fill("Good day from the shop")
    expect(seen.get_by_text("Good day from the shop")).to_be_visible()
    expect(seen.locator(".me .text")).to_have_css("background-color", "rgb(122, 31, 107)")
    expect(seen.get_by_text("Anna, a person")).to_be_visible()
    page.get_by_label("Show first names").uncheck()
    expect(seen.get_by_text("Colleague, a person")).to_be_visible()
    assert serious(page) == []
    keep_picture(page, "console-look-dark")
    page.get_by_label("Theme", exact=True).select_option("light")
    assert serious(page) == []
    keep_picture(page, "console-look-light")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert serious(page) == []
    keep_picture(page, "console-look-phone")
    page.get_by_label("Colour (optional)").fill("#ffee00")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("can't be read on white").first).to_be_visible()
    page.get_by_label("Colour (optional)").fill("#7a1f6b")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toasts").get_by_text("Look saved.")).to_be_visible()


def test_form_before_the_chat_is_filled_in_once(opened: Callable[..., Page], scene: Scene, shop: str) -> None:
    register(scene, shop)
    form = {"asks_name": True, "asks_email": True, "consent": "I agree that you keep what I write."}
    with tenant_scope(scene.world.acme.pk):
        kept = {**scene.account.credentials, "form": form}
        ChannelAccount.objects.filter(pk=scene.account.pk).update(credentials=kept)
    page = opened(shop)
    page.get_by_role("button", name="Open the chat").click()
    expect(page.get_by_label("Your name")).to_be_focused()
    expect(page.get_by_label("Your message")).to_be_hidden()
    page.get_by_role("button", name="Start the chat").click()
    expect(page.get_by_text("Enter your name.")).to_be_visible()
    expect(page.get_by_text("Tick this box to start the chat.")).to_be_visible()
    for name, look in (("light", DESK), ("dark", DESK), ("phone", PHONE)):
        page.emulate_media(color_scheme="dark" if name == "dark" else "light")
        page.set_viewport_size(look)  # type: ignore[arg-type]
        assert serious(page) == []
        keep_picture(page, f"bubble-form-{name}", full_page=False)
    page.get_by_label("Your name").fill("Ana Souza")
    page.get_by_label("Your email address").fill("ana@example.com")
    page.get_by_label("I agree").check()
    page.get_by_role("button", name="Start the chat").click()
    expect(page.get_by_label("Your message")).to_be_focused()
    write(page, "Hello")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Open the chat").click()
    expect(page.get_by_label("Your message")).to_be_visible()
    with tenant_scope(scene.world.acme.pk):
        assert scene.conversation().contact.display_name == "Ana Souza"


def test_bubble_on_another_site_says_so_and_asks_once(opened: Callable[..., Page], scene: Scene, shop: str) -> None:
    register(scene, "https://elsewhere.example")
    page = opened()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url) if "/session/" in request.url else None)
    page.on("console", lambda line: said.append(line.text))
    page.goto(shop)
    page.get_by_role("button", name="Open the chat").click()
    expect(page.get_by_text("Sorry, this chat isn't available on this website.")).to_be_visible()
    expect(page.get_by_label("Your message")).to_be_disabled()
    page.wait_for_timeout(1_500)
    keep_picture(page, "bubble-refused", full_page=False)
    assert (len(asked), scene.messages()) == (1, [])
    assert any(f"Add {shop} to the allowed websites" in line for line in said)


def test_page_whose_voucher_was_replaced_signs_in_anew(opened: Callable[..., Page], scene: Scene) -> None:
    page = opened()
    write(page, "Hello")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    with tenant_scope(scene.world.acme.pk):
        new_identity_secret(actor=OPERATOR, account_id=scene.account.pk)
    page.evaluate("document.querySelector('walker-chat').line.refresh()")
    page.wait_for_timeout(300)
    write(page, "Still me")
    expect(page.get_by_text("Sent ·")).to_have_count(2)
    with tenant_scope(scene.world.acme.pk):
        assert Conversation.objects.count() == 1


def test_visitor_comes_back_to_his_conversation(opened: Callable[..., Page], scene: Scene, shop: str) -> None:
    register(scene, shop)
    page = opened(shop)
    page.get_by_role("button", name="Open the chat").click()
    write(page, "Remember me")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    scene.reply("Always")
    expect(page.locator("walker-chat .agent .name")).to_have_text("Acme desk")
    page.reload()
    page.get_by_role("button", name="Open the chat").click()
    expect(page.get_by_text("Remember me")).to_be_visible()

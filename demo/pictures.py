"""`./walker pictures`: take the pictures of the documentation, or a gallery of pages, from a running demo."""

import argparse
import base64
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from config.launcher.faults import StartError
from config.launcher.place import ROOT, Place
from config.launcher.status import demo_facts
from config.launcher.supervisor import say

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM: Final = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
DESK: Final = {"width": 1280, "height": 900}
PHONE: Final = {"width": 390, "height": 844}
IMAGES: Final = ROOT / "docs" / "images"
BRIEF: Final = "/admin/analytics/brief/preview/"
CHANNELS: Final = "/admin/conversations/channelaccount/"
TALKS: Final = "/admin/inbox/?view=all"
FIGURES: Final = "/admin/figures/"
EXPORTS: Final = "/admin/analytics/export/"
ALERTS: Final = "/admin/analytics/alertrule/"
CONNECTIONS: Final = "/admin/integrations/provideraccount/"
WEBHOOKS: Final = "/admin/integrations/webhooksubscription/"
REQUEST: Final = "Raise the daily budget of Summer Sale to 900"
PATIENCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Shown:
    """One page of the gallery: who looks at it, where it is, and what is pressed there first."""

    name: str
    path: str
    who: str = "owner"
    follow: str = ""
    """The text of the link to follow from `path`."""

    row: str = ""
    """Words in the row of the list to open."""

    unfold: tuple[str, ...] = ()
    """The summaries to unfold."""


GALLERY: Final = (
    Shown("dashboard", "/admin/"),
    Shown("templates", "/admin/conversations/messagetemplate/"),
    Shown("template", "/admin/conversations/messagetemplate/", follow="update"),
    Shown("channels", CHANNELS),
    Shown("widget", CHANNELS, follow="Marketing desk"),
    Shown("twilio", CHANNELS, follow="Acme Shoes WhatsApp"),
    Shown("cloud", CHANNELS, follow="Acme Shoes WhatsApp by Meta"),
    Shown("mail", CHANNELS, follow="Acme Shoes mail"),
    Shown("slack", CHANNELS, follow="Acme Shoes Slack"),
    Shown("app", CHANNELS, follow="Acme Shoes portal"),
    Shown("mail receive by SendGrid", CHANNELS, follow="Acme Shoes mail", unfold=("Receive by SendGrid",)),
    Shown("mail receive by IMAP", CHANNELS, follow="Acme Shoes mail", unfold=("Receive by IMAP",)),
    Shown("connect a Twilio number", f"{CHANNELS}connect/"),
    Shown("connect WhatsApp Cloud", f"{CHANNELS}connect-cloud/"),
    Shown("connect mail", f"{CHANNELS}connect-mail/"),
    Shown("connect Slack", f"{CHANNELS}connect-slack/"),
    Shown("connect an app", f"{CHANNELS}connect-app/"),
    Shown("new web chat", f"{CHANNELS}new-widget/"),
    Shown("linked accounts", "/admin/channels_app/colleagueaddress/", who="approver"),
    Shown("link Slack", "/admin/channels_app/colleagueaddress/slack-user/", who="approver"),
    Shown("link a number", "/admin/channels_app/colleagueaddress/own-number/", who="approver"),
    Shown("consent", "/admin/core/consent/"),
    Shown("consent record", "/admin/core/consent/record/"),
    Shown("consent rules", "/admin/core/consent/rules/"),
    Shown("contacts", "/admin/conversations/contact/"),
    Shown("conversations", TALKS),
    Shown("conversation with countdown", TALKS, who="support", row="My order from Friday"),
    Shown("conversation with a failed message", TALKS, who="support", row="Shall I put a pair aside"),
    Shown("contact and consents", "/admin/conversations/contact/", who="support", row="••51"),
    Shown("inbox", "/admin/inbox/", who="support"),
    *(
        Shown(f"figures {page}", f"{FIGURES}{page}/")
        for page in ("conversations", "approvals", "agents", "channels", "system")
    ),
    Shown("exports", EXPORTS),
    Shown("export ready", EXPORTS, follow="Figures (XLSX)"),
    Shown("export to decide on", EXPORTS, follow="Conversations (CSV, in clear)"),
    Shown("new export of figures", f"{EXPORTS}figures/"),
    Shown("new export of conversations", f"{EXPORTS}conversations/"),
    Shown("scheduled exports", "/admin/analytics/exportschedule/"),
    Shown("new scheduled export", "/admin/analytics/exportschedule/create/"),
    Shown("alerts", ALERTS),
    Shown("alert rule", ALERTS, follow="First answers by people take too long"),
    Shown("new alert rule", f"{ALERTS}create/"),
    Shown("where alerts go", f"{ALERTS}destinations/"),
    Shown("connections", CONNECTIONS),
    Shown("connection", CONNECTIONS, follow="Sandbox marketing platform"),
    Shown("new connection", f"{CONNECTIONS}connect/"),
    Shown("webhooks", WEBHOOKS),
    Shown("webhook endpoint", WEBHOOKS, follow="Company portal"),
    Shown("webhook endpoint that is off", WEBHOOKS, follow="Old reporting server"),
    Shown("chat", "/chat/acme-chat/", who=""),
    Shown("visitor chat", "/chat/acme-visitor/", who=""),
)


@dataclass(slots=True)
class Desk:
    """A browser, and the people of the demo who are signed in to it."""

    browser: "Browser"
    url: str
    people: dict[str, dict[str, str]]
    contexts: dict[str, "BrowserContext"] = field(default_factory=dict)

    def page(self, who: str) -> "Page":
        """Open an empty page as a person, who signs in once; without one, as a stranger."""
        if who in self.contexts:
            return self.contexts[who].new_page()
        context = self.browser.new_context(viewport=DESK, reduced_motion="reduce", locale="en-GB")  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        self.contexts[who] = context
        page = context.new_page()
        if who:
            page.goto(f"{self.url}/admin/login/")
            page.get_by_label("Email address").fill(self.people[who]["email"])
            page.get_by_label("Password", exact=True).fill(self.people[who]["password"])
            page.get_by_role("button", name="Sign in", exact=True).click()
            page.wait_for_url(f"{self.url}/admin/**")
        return page


def pictures(arguments: argparse.Namespace) -> int:
    """Take the pictures; Walker runs on the data folder."""
    if not Path(CHROMIUM).exists():
        raise StartError(f"there is no Chromium at {CHROMIUM}. Name yours in CHROMIUM.")
    facts = demo_facts(Place(arguments.data))
    with _opened(facts) as desk:
        if arguments.all:
            _take_gallery(desk, Path(arguments.all), arguments.only)
        else:
            _take_documentation(desk)
    return 0


@contextmanager
def _opened(facts: dict[str, Any]) -> Iterator[Desk]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  (a package for development only)

    people: dict[str, dict[str, str]] = {}
    for person in facts["tenants"][0]["people"]:
        people.setdefault(person["role"], person)
        people[person["name"].split()[0]] = person
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        yield Desk(browser, facts["urls"]["console"].removesuffix("/admin/"), people)
        browser.close()


def _take_documentation(desk: Desk) -> None:
    """Take the pictures that README and docs show; makes one request in the demo."""
    chat = desk.page("")
    chat.set_viewport_size({"width": 1280, "height": 800})
    chat.goto(f"{desk.url}/chat/acme-chat/")
    chat.get_by_text("Online").wait_for()
    asked = chat.get_by_text("This needs approval")
    if not asked.count():  # else an earlier run made the request
        chat.get_by_role("textbox").fill(REQUEST)
        chat.keyboard.press("Enter")
    asked.last.wait_for()
    _keep(chat, IMAGES / "chat.png", whole=False)
    number = asked.last.inner_text().split("BR-")[1].partition(" ")[0]
    approval = desk.page("Anna")
    approval.set_viewport_size({"width": 1280, "height": 1180})
    approval.goto(f"{desk.url}/admin/hitl/approval/")
    approval.locator("a", has_text=f"BR-{number}").first.click()
    approval.get_by_role("heading", name="Summer Sale").first.wait_for()
    _keep(approval, IMAGES / "approval.png", whole=False)
    _take_brief(desk)


def _take_brief(desk: Desk) -> None:
    """Take the brief as light and dark mail clients and a phone show it, side by side."""
    sheets = []
    for who, theme, width in (("Anna", "light", 560), ("Anna", "dark", 560), ("Mia", "light", 330)):
        page = desk.page(who)
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 1280})
        page.goto(f"{desk.url}{BRIEF}")
        sheets.append((base64.b64encode(page.screenshot()).decode(), width))
        page.close()
    images = "".join(f'<img width="{width}" src="data:image/png;base64,{sheet}">' for sheet, width in sheets)
    page = desk.browser.new_page(viewport={"width": 1514, "height": 1312})
    style = "margin:16px;background:#d9dad4;display:flex;gap:16px"
    page.set_content(f'<body style="{style}"><style>img{{border-radius:12px}}</style>{images}</body>')
    _keep(page, IMAGES / "brief.png", whole=False)


def _take_gallery(desk: Desk, folder: Path, only: str) -> None:
    """Take every page of the gallery in light, dark and at a phone's width."""
    from playwright.sync_api import TimeoutError  # noqa: A004, PLC0415  (a package for development only)

    folder.mkdir(parents=True, exist_ok=True)
    missing: list[str] = []
    for shown in GALLERY:
        if only and not any(word.strip() in shown.name for word in only.split(",")):
            continue
        page = desk.page(shown.who)
        page.goto(desk.url + shown.path)
        try:
            if shown.follow:
                page.get_by_role("link", name=shown.follow, exact=True).first.click()
                page.wait_for_load_state("load")
            if shown.row:
                page.locator("tr, .wk-inbox-rows li", has_text=shown.row).locator(".wk-row-link").first.click()
                page.wait_for_load_state("load")
            for summary in shown.unfold:
                page.get_by_text(summary, exact=True).first.click()
        except TimeoutError:
            missing.append(shown.name)
            continue
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            _keep(page, folder / f"{shown.name}, {theme}.png")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        _keep(page, folder / f"{shown.name}, phone.png")
        page.close()
    if missing:
        raise StartError(f"these pages don't have what the gallery looks for: {', '.join(missing)}.")


def _keep(page: "Page", path: Path, *, whole: bool = True) -> None:
    page.wait_for_load_state("load")
    page.screenshot(path=path, full_page=whole, animations="disabled")
    say(str(path))

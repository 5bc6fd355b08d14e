"""CPU of each page of the console, median of warm requests, beside that of a bare Django page in the same process."""

from __future__ import annotations

import argparse
import gc
import io
import re
import time
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from typing import Any

import django

from bench._environment import cpu_of_server, describe_database, describe_machine, middle, say

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.template import engines  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext, override_settings  # noqa: E402
from django.urls import path  # noqa: E402

from accounts.models import Membership, Tenant  # noqa: E402
from core.tenancy.scope import platform_scope, tenant_scope  # noqa: E402

PAGES = (
    "/admin/", "/admin/inbox/", "/admin/inbox/?view=open", "/admin/conversations/conversation/",
    "/admin/conversations/contact/", "/admin/conversations/suggestedreply/", "/admin/conversations/survey/",
    "/admin/conversations/channelaccount/", "/admin/conversations/team/", "/admin/conversations/cannedreply/",
    "/admin/conversations/macro/", "/admin/hitl/approval/", "/admin/hitl/approvalworkflow/",
    "/admin/hitl/approvalworkflow/create/", "/admin/hitl/riskpolicy/", "/admin/hitl/simulation/",
    "/admin/agents/agent/", "/admin/agents/agentrun/", "/admin/agents/trial/", "/admin/agents/evalrun/",
    "/admin/agents/collection/",
    "/admin/agents/document/", "/admin/agents/openquestion/", "/admin/figures/", "/admin/figures/conversations/",
    "/admin/figures/approvals/", "/admin/figures/agents/", "/admin/figures/channels/", "/admin/figures/system/",
    "/admin/analytics/alertrule/", "/admin/analytics/brief/", "/admin/settings/", "/admin/accounts/membership/",
    "/admin/accounts/notice/", "/admin/core/auditentry/", "/admin/core/consent/",
)  # fmt: skip
"""Where a page has a list, the page of its first row is measured as well. What a version doesn't have is left out."""
ROW = re.compile(r'class="wk-row-link" href="([^"]+)"')
OPEN_CONVERSATION = "/admin/inbox/?view=open&conversation="
"""It opens in place as well, when a script asks for another row of the list."""
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
BARE = "bench.pages"
BARE_MIDDLEWARE = (
    f"{BARE}.at_own_address",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
)
"""What Django writes into the settings of a new project."""
BARE_TEMPLATE = engines["django"].from_string(
    """<!doctype html><html lang="en"><head><title>{{ title }}</title></head><body><h1>{{ title }}</h1><table>
    {% for row in rows %}<tr><td>{{ row }}</td><td><a href="/{{ row }}/">{{ title }}</a></td></tr>{% endfor %}
    </table></body></html>"""
)


def bare_page(request: HttpRequest) -> HttpResponse:
    """Show a table of 20 rows, without the database."""
    return HttpResponse(BARE_TEMPLATE.render({"title": "Bare", "rows": range(20)}))


urlpatterns = [path("bare/", bare_page)]


def at_own_address(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Let requests of the bare page find its address, and no other."""

    def answer(request: HttpRequest) -> HttpResponse:
        request.urlconf = BARE
        return get_response(request)

    return answer


def main() -> int:
    """Measure and print; there is no target, the numbers of two versions are set beside each other."""
    parser = argparse.ArgumentParser(prog="./walker bench pages", description=__doc__)
    parser.add_argument("--requests", type=int, default=20, help="warm requests of each page (default 20)")
    parser.add_argument("--role", default="owner", help="whose pages (default owner)")
    options = parser.parse_args()
    say("\n".join([*describe_machine(), *describe_database()]))
    browser, bare = Client(HTTP_HOST="127.0.0.1"), Client(HTTP_HOST="127.0.0.1")
    with override_settings(MIDDLEWARE=BARE_MIDDLEWARE):
        bare.handler.load_middleware()
    with platform_scope():
        is_empty = not Tenant.objects.exists()
    if is_empty:
        call_command("demo", stdout=io.StringIO())
    with platform_scope():
        tenant_id = Tenant.objects.order_by("created_at").values_list("pk", flat=True)[0]
    with tenant_scope(tenant_id):
        browser.force_login(Membership.objects.select_related("user").filter(role=options.role)[0].user)
    say(f"\nmilliseconds of CPU, medians of {options.requests} warm requests as {options.role}, beside a bare page")
    say(f"  {'page':<44} {'python':>7} {'database':>8} {'bare':>6} {'times':>6} {'queries':>7} {'KB':>5}")
    total = []
    for address in addresses(browser):
        if found := measure(browser, bare, address, options.requests):
            total.append(found)
        if address.startswith(OPEN_CONVERSATION):
            measure(browser, bare, address, options.requests, part="row")
    say(f"  {'median of all pages':<44} {1000 * middle([page for page, _ in total]):>7.1f}{'':>16} "
        f"{middle([page / own for page, own in total]):>6.1f}")  # fmt: skip
    return 0


def addresses(browser: Client) -> Iterator[str]:
    """Yield each page, and after it that of its first row."""
    for address in PAGES:
        yield address
        answer = browser.get(address)
        row = ROW.search(answer.content.decode()) if answer.status_code == 200 else None
        if row:
            yield unescape(row[1])


def measure(
    browser: Client, bare: Client, address: str, requests: int, *, part: str = ""
) -> tuple[float, float] | None:
    """Print what a page costs; return the CPU seconds of it and of the bare page, None for one that isn't there.

    `part` is the part of the page that a script asks for.
    """
    name = ID.sub("…", address) + (f" ({part})" if part else "")
    headers = {"X-Walker-Fragment": part} if part else {}
    for _ in range(3):
        answer = browser.get(address, headers=headers)
        if answer.status_code != 200:
            say(f"  {name:<44} answers {answer.status_code}: left out")
            return None
        bare.get("/bare/")
    gc.collect()
    gc.freeze()
    page, server, own = [], [], []
    for _ in range(requests):
        before = cpu_of_server()
        page.append(cpu_of(browser, address, headers))
        server.append(cpu_of_server() - before)
        own.append(cpu_of(bare, "/bare/", {}))
    with CaptureQueriesContext(connection) as asked:
        size = len(browser.get(address, headers=headers).content)
    took, beside = middle(page), middle(own)
    say(f"  {name:<44} {1000 * took:>7.1f} {1000 * middle(server):>8.1f} {1000 * beside:>6.2f} {took / beside:>6.1f} "
        f"{len(asked):>7} {size / 1024:>5.0f}")  # fmt: skip
    return took, beside


def cpu_of(client: Client, address: str, headers: Mapping[str, str]) -> float:
    """Return the CPU seconds that this process spends on a page."""
    began = time.process_time()
    answer: Any = client.get(address, headers=headers)
    spent = time.process_time() - began
    # The test client ties an answer to itself; one that was served is let go at once, with its rows.
    vars(answer).pop("json", None)
    return spent


if __name__ == "__main__":
    raise SystemExit(main())

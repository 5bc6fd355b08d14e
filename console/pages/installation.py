"""The console page that says how the installation is set up, for its operators."""

from typing import Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse

from accounts.organisation.installation import check_installation, read_last_check
from console.base.model_admin import ReadOnlyAdmin
from console.navigation import ORGANISATION, SETTINGS, Nav
from console.viewers import viewer_of
from core.errors import WalkerError
from core.installation.registry import STATUSES, Report

NAME: Final = "installation"
PLACE: Final = (
    Nav("Installation", "shield", SETTINGS, ORGANISATION, order=95),
    NAME,
    "What is missing before others use this installation.",
)


def installation_view(page: ReadOnlyAdmin, request: HttpRequest) -> HttpResponse:
    """Show the report of the last check (GET), or check again (POST)."""
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "POST"])
    viewer = viewer_of(request)
    if not page.opens_to(viewer):
        raise PermissionDenied("Only operators of this installation can open this page.")
    report: Report | None = None
    if request.method == "POST":
        try:
            report = check_installation(actor=viewer)
        except WalkerError as error:
            messages.error(request, error.detail)
    last = read_last_check(viewer=viewer)
    if report is not None and report == last:
        return HttpResponseRedirect(request.path)
    # One that couldn't be kept, as Redis is away, is shown at once.
    shown = report or last
    results = sorted(shown.results, key=lambda result: -STATUSES.index(result.status)) if shown else []
    context = {
        **page.admin_site.each_context(request),
        "title": PLACE[0].label,
        "intro": PLACE[2],
        "report": shown,
        "results": results,  # the worst first
        "wrong": [result for result in results if result.status != "ok"],
    }
    return TemplateResponse(request, "console/installation.html", context)

"""Do the same with many conversations of the inbox."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from accounts.selectors import list_members
from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm, look
from console.base.model_admin import ServiceAdmin
from console.viewers import viewer_of
from conversations.inbox.admin.approval_panel import customer_name, state_chip
from conversations.inbox.assignment import REPLY
from conversations.inbox.bulk import MOST, get_change, start_change
from conversations.models import Conversation, Priority, Tag, Team
from conversations.replies.admin.canned_replies import id_in
from core.errors import NotFound
from core.ids import uuid7

PATH: Final = "bulk"
RUN: Final = "run"
REFRESH: Final = "2"
"""Seconds until the page of a change at work is read again, by the browser itself."""
ITEM: Final = "item"
CHANGES: Final = {
    "assign": "Assign",
    "team": "Move to a team",
    "tags": "Tag",
    "priority": "Set priority",
    "close": "Close",
}
NOTHING: Final = "Select conversations in the inbox first."


class BulkForm(ConsoleForm):
    """What the person selected, and what happens to it."""

    template_name = "console/bulk/preview.html"
    width = "wk-main"
    change = forms.ChoiceField(choices=list(CHANGES.items()), widget=forms.HiddenInput)
    user_id = forms.TypedChoiceField(label="Colleague", coerce=UUID)
    team_id = forms.TypedChoiceField(label="Team", coerce=UUID, required=False, empty_value=None)
    tag = forms.TypedChoiceField(label="Tag", coerce=UUID)
    priority = forms.TypedChoiceField(label="Priority", coerce=int, choices=Priority.choices)
    resolved = forms.TypedChoiceField(
        label="Was the question answered?",
        coerce=lambda value: value == "yes",
        choices=[("yes", "Yes"), ("no", "No")],
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows: list[dict[str, Any]] = self.initial.get("rows") or []
        self.ids: list[UUID] = self.initial.get("ids") or []
        self.key = id_in(self.data.get("key")) or uuid7()
        chosen = str(self.data.get("change") or "")
        values = {"assign": "user_id", "team": "team_id", "tags": "tag", "priority": "priority", "close": "resolved"}
        for name in set(values.values()) - {values.get(chosen, "")}:
            del self.fields[name]
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", look(field.widget))
        self._offer()
        self.is_redrawn = self.is_bound and "confirm" not in self.data and 0 < len(self.ids) <= MOST
        count = len(self.ids)
        self.submit = f"{CHANGES.get(chosen, 'Change')} {count} conversation{'s' * (count != 1)}"
        self.is_closed = not self.rows

    def _offer(self) -> None:
        """Read the choices of the one field that is shown."""
        if field := self.fields.get("user_id"):
            members = list_members(permission=REPLY)
            field.choices = [(str(one.user_id), one.user.get_full_name()) for one in members]  # type: ignore[attr-defined]
        if field := self.fields.get("team_id"):
            teams = Team.objects.order_by("name").values_list("pk", "name")
            field.choices = [*teams, ("", "No team")]  # type: ignore[attr-defined]
        if field := self.fields.get("tag"):
            field.choices = list(Tag.objects.order_by("name").values_list("pk", "name"))  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse an empty selection and one that is too large."""
        if not self.ids:
            raise forms.ValidationError(NOTHING)
        if len(self.ids) > MOST:
            raise forms.ValidationError(f"Select at most {MOST} conversations at once; these are {len(self.ids)}.")
        return self.cleaned_data

    def values(self) -> dict[str, Any]:
        """Return what the service for one takes."""
        said = {name: value for name, value in self.cleaned_data.items() if name != "change"}
        return {"add": [said["tag"]]} if "tag" in said else said


def ids_of(request: HttpRequest) -> list[UUID]:
    """Return what was selected; anything that is no id is ignored."""
    found: dict[UUID, None] = {}
    for value in request.POST.getlist(ITEM)[: MOST * 5]:
        try:
            found[UUID(value)] = None
        except ValueError:
            continue
    return list(found)


def lines_of(rows: Iterable[Conversation]) -> list[dict[str, Any]]:
    """Return conversations as lines of the preview, masked."""
    return [{"talk": row, "name": customer_name(row), "chip": state_chip(row)} for row in rows]


class BulkActions(ServiceAdmin):
    """Changes many conversations at once."""

    def bulk_initial(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the preview shows."""
        ids = ids_of(request)
        return {"ids": ids, "rows": lines_of(self._chosen(request, ids)) if 0 < len(ids) <= MOST else []}

    def _chosen(self, request: HttpRequest, ids: list[UUID]) -> QuerySet[Conversation]:
        return self.get_queryset(request).filter(pk__in=ids).order_by("-last_message_at", "-id")

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Return what was selected."""
        return self.bulk_initial(request) if action.path == PATH else super().form_initial(request, action, obj)

    @service_action(path=PATH, title="Change many at once", permission=REPLY, form=BulkForm, on_list=True)
    def bulk(self, request: HttpRequest, obj: None, form: BulkForm) -> HttpResponse:
        """Change the selected conversations, and show on this page how far that is."""
        change = form.cleaned_data["change"]
        made = start_change(
            actor=viewer_of(request), conversation_ids=form.ids, change=change, values=form.values(), key=form.key
        )
        asked = request.GET.copy()
        asked[RUN] = str(made.pk)
        return HttpResponseRedirect(f"{request.path}?{asked.urlencode()}")

    def form_page(
        self, request: HttpRequest, action: ServiceAction, obj: Any, form: ConsoleForm, status: int
    ) -> HttpResponse:
        """Show a change that was started instead of the form; the browser reads it again while it is at work."""
        change_id = id_in(request.GET.get(RUN)) if action.path == PATH and request.method != "POST" else None
        if change_id is None:
            return super().form_page(request, action, obj, form, status)
        try:
            made = get_change(viewer=viewer_of(request), change_id=change_id)
        except NotFound as error:
            raise Http404(error.detail) from error
        is_at_work, past, total = made.finished_at is None, len(made.results), len(made.conversation_ids)
        says = {pk: words for pk, (_, words) in zip(made.conversation_ids, made.results, strict=False)}
        refused = sum(map(bool, says.values()))
        # Read every few seconds while a worker writes, so it lists no more than what needs somebody.
        listed = sorted((pk for pk in says if says[pk] or not is_at_work), key=lambda pk: not says[pk])
        rows = {row.pk: row for row in self._chosen(request, listed)}
        lines = dict(zip(rows, lines_of(rows.values()), strict=True))
        title = f"{CHANGES[made.change]}: {past - refused} of {total} done"
        context = self.page_context(request, title, lines=[{**lines.get(pk, {}), "says": says[pk]} for pk in listed])
        context |= {"is_at_work": is_at_work, "past": past, "total": total, "refused": refused}
        context["list_url"] = self.after_action_url(request, action, None)
        refresh = {"Refresh": REFRESH} if is_at_work else {}
        return TemplateResponse(request, "console/bulk/report.html", context, headers=refresh)

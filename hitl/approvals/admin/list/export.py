"""Export the list of requests as it is narrowed and sorted."""

from collections.abc import Iterator
from functools import cached_property
from typing import Final

from django import forms
from django.http import HttpRequest, StreamingHttpResponse

from console.base.actions import service_action
from console.base.forms import ConsoleForm
from console.base.toolbar import SORT, ToolbarChangeList
from console.viewers import viewer_of
from core.rest.downloads import streamed
from hitl.domain.permissions import EXPORT_LIST
from hitl.exports.approvals import MOST, export_list

EXPORT_PATH: Final = "export"
FORMATS: Final = [("csv", "A table for spreadsheets (CSV)"), ("jsonl", "Lines for programs (JSON lines)")]


class ListExportForm(ConsoleForm):
    template_name = "console/export_list.html"
    format = forms.ChoiceField(label="As", choices=FORMATS)

    @cached_property
    def listed(self) -> ToolbarChangeList:
        """Return the list as its address narrows and sorts it."""
        listed: ToolbarChangeList = self.initial["listed"]()
        return listed

    def narrowed_by(self) -> Iterator[tuple[str, str]]:
        """Yield what decides the content of the file: search, state, filters and order."""
        if self.listed.query:
            yield "Search", f"“{self.listed.query}”"
        for spec in self.listed.filter_specs:
            value, labels = spec.chosen(), {str(key): str(label) for key, label in spec.lookup_choices}
            if not spec.is_hidden and (value or spec.parameter_name in ("state", SORT)):
                yield str(spec.title), labels[value] if value else spec.any_label

    def counted(self) -> str:
        """Return how many requests the file will have. One query."""
        found = len(self.listed.queryset.values_list("pk")[: MOST + 1])
        if found > MOST:
            return f"more than {MOST:,}; the file has the first {MOST:,} in this order, and says so at its end"
        return f"{found:,}"

    def chosen_names(self) -> set[str]:
        """Return the names of the filters that are used."""
        names = {spec.parameter_name for spec in self.listed.filter_specs if spec.chosen() and not spec.is_hidden}
        return {str(name) for name in names} | ({"q"} if self.listed.query else set())


class ExportActions:
    """Exports of the list; mixed into the admin of approvals."""

    @service_action(
        path=EXPORT_PATH,
        title="Export the list",
        permission=EXPORT_LIST,
        form=ListExportForm,
        submit="Export",
        on_list=True,
        explain=(
            f"At most {MOST:,} requests, with their compliance flags. Personal data in summaries is masked. "
            "The export is recorded in the audit log."
        ),
    )
    def export(self, request: HttpRequest, obj: None, form: ConsoleForm) -> StreamingHttpResponse:
        assert isinstance(form, ListExportForm)  # noqa: S101  (for the type checker)
        file = export_list(
            actor=viewer_of(request),
            rows=form.listed.queryset,
            filters=form.chosen_names(),
            format=form.cleaned_data["format"],
        )
        return streamed(request, file.parts, file.content_type, file.name)

"""Lists without a count: capped pages, declared order only, and filters that are plain selects."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from console.base.kit import KitChangeList, KitPaginator
from core.clock import now

LAST_PAGE = 40


class CappedPaginator(KitPaginator):
    """A paginator that never counts: it knows only how many rows it was given."""

    @property
    def count(self) -> int:
        """Return the rows at hand."""
        return len(self.object_list)


class CappedChangeList(KitChangeList):
    """A page of rows plus the knowledge whether there is a next one; at most `LAST_PAGE` pages."""

    has_next = False
    has_previous = False

    def get_results(self, request: HttpRequest) -> None:
        """Read one row more than a page holds instead of counting all."""
        self.page_num = min(max(self.page_num, 1), LAST_PAGE)
        start = (self.page_num - 1) * self.list_per_page
        rows = list(self.queryset[start : start + self.list_per_page + 1])
        self.has_next = len(rows) > self.list_per_page and self.page_num < LAST_PAGE
        self.has_previous = self.page_num > 1
        self.result_list = rows[: self.list_per_page]
        self.model_admin.prepare_rows(request, self.result_list)
        self.result_count = self.full_result_count = len(self.result_list)
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = False
        self.paginator = CappedPaginator(self.result_list, self.list_per_page)

    def get_ordering_field(self, field_name: Any) -> None:
        """Refuse sorting by request: the order of a masked column would tell what it hides."""
        return

    @property
    def next_query(self) -> str:
        """Return the query string of the next page."""
        return self.get_query_string({"p": self.page_num + 1})

    @property
    def previous_query(self) -> str:
        """Return the query string of the previous page."""
        return self.get_query_string({"p": self.page_num - 1})


def whole_number(text: str | None) -> int | None:
    """Return the number a query string names for a keyset page; None for anything else."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None


class SelectFilter(admin.SimpleListFilter):
    """One select of the filter bar; an unknown value filters nothing."""

    options: tuple[tuple[str, str], ...] = ()
    any_label = "Any"
    field = ""
    is_hidden = False
    """Kept in the filter bar without a select."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the options of the select."""
        return self.options

    def has_output(self) -> bool:
        """Show the filter whatever the rows hold."""
        return True

    def chosen(self) -> str:
        """Return the chosen option when it is one of ours."""
        value = self.value() or ""
        return value if value in {str(key) for key, _ in self.lookup_choices} else ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the chosen option."""
        value = self.chosen()
        return queryset.filter(**{self.field: value}) if value else queryset


def choose(field: str, title: str, options: Iterable[tuple[Any, Any]], parameter: str = "") -> type[SelectFilter]:
    """Build a filter for a column with known values."""
    attributes = {
        "title": title,
        "parameter_name": parameter or field.split("__", maxsplit=1)[0],
        "field": field,
        "options": tuple((str(key), str(label)) for key, label in options),
    }
    return type(f"Choose{title.title().replace(' ', '')}", (SelectFilter,), attributes)


class SinceFilter(SelectFilter):
    """Rows of the last hours or days."""

    title = "When"
    parameter_name = "since"
    any_label = "Any time"
    options = (("1", "Last 24 hours"), ("7", "Last 7 days"), ("30", "Last 30 days"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows younger than the chosen days."""
        value = self.chosen()
        if not value:
            return queryset
        return queryset.filter(**{f"{self.field}__gte": now() - timedelta(days=int(value))})


def since(field: str) -> type[SinceFilter]:
    """Build a filter by age for a time column."""
    return type("Since", (SinceFilter,), {"field": field})

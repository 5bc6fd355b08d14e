"""Change lists without counting: capped pages, a fixed order, and filters as plain selects."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from console.base.kit import KitChangeList, KitPaginator
from core.clock import now

LAST_PAGE = 40


class CappedPaginator(KitPaginator):
    """A paginator that never counts rows in the database."""

    @property
    def count(self) -> int:
        """Return the number of rows on this page."""
        return len(self.object_list)


class CappedChangeList(KitChangeList):
    """One page of rows that knows whether there is a next one; at most `LAST_PAGE` pages."""

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
        """Ignore requested sorting: the order of a masked column would reveal its values."""
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
    """Return a keyset page's number from the query string, or None if it isn't one."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None


def uuid_of(text: str | None) -> UUID | None:
    """Return an id from the query string, or None if it isn't one."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


class SelectFilter(admin.SimpleListFilter):
    """One select of the filter bar; unknown values are ignored."""

    options: tuple[tuple[str, str], ...] = ()
    any_label = "Any"
    field = ""
    is_hidden = False
    """Keep the parameter in the filter bar without showing a select."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the options of the select."""
        return self.options

    def has_output(self) -> bool:
        """Always show the filter."""
        return True

    def chosen(self) -> str:
        """Return the chosen option, or "" if it is not one of the options."""
        value = self.value() or ""
        return value if value in {str(key) for key, _ in self.lookup_choices} else ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the chosen option."""
        value = self.chosen()
        return queryset.filter(**{self.field: value}) if value else queryset


def choose(field: str, title: str, options: Iterable[tuple[Any, Any]], parameter: str = "") -> type[SelectFilter]:
    """Build a filter for a column with fixed values."""
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

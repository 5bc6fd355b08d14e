"""Change lists without counting: capped pages, a fixed order, and filters as plain selects."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts.selectors import tenant_zone
from console.base.kit import KitChangeList, KitPaginator
from core.clock import now
from core.ids import lowest_of

LAST_PAGE = 40
DAYS: Final = "days"
_BETWEEN: Final = ".."
M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Column(Generic[M]):
    """A column of a list, or a line of a row's page, that needs nothing but the row."""

    short_description: str
    show: Callable[[M], Any]

    def __call__(self, row: M) -> Any:
        """Return what is shown of a row."""
        return self.show(row)


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


class DaysFilter(SelectFilter):
    """Rows of local days, both included (`?days=2026-11-01..2026-11-30`); a select only to drop them again."""

    title, parameter_name, any_label = "Days", DAYS, "Any day"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Offer the chosen days."""
        given = request.GET.get(DAYS, "")
        found = days_of(given)
        self.is_hidden = found is None
        if found is None:
            return []
        return [(given, words_of_days(found))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the chosen days."""
        found = days_of(self.chosen())
        if found is None:
            return queryset
        begin, end = edges_of(found)
        # Ids are in the order of time, and have the index of the list's order.
        edges = (lowest_of(begin), lowest_of(end)) if self.field == "id" else (begin, end)
        return queryset.filter(**{f"{self.field}__gte": edges[0], f"{self.field}__lt": edges[1]})


def during(field: str) -> type[DaysFilter]:
    """Build a filter by local days for a time column, or for `id`, which says when a row was made."""
    return type("Days", (DaysFilter,), {"field": field})


def between(first: date, last: date) -> str:
    """Return local days as the parameter `days` names them."""
    return f"{first.isoformat()}{_BETWEEN}{last.isoformat()}"


def edges_of(days: tuple[date, date]) -> tuple[datetime, datetime]:
    """Return when local days begin, and when the day after them does."""
    zone, (first, last) = tenant_zone(), days
    begin, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + timedelta(days=1)))
    return begin, end


def words_of_days(days: tuple[date, date]) -> str:
    """Return days as a filter shows them, such as “1 Nov 2026 to 30 Nov 2026”."""
    first, last = (f"{day.day} {day:%b %Y}" for day in days)
    return first if first == last else f"{first} to {last}"


def days_of(text: str) -> tuple[date, date] | None:
    """Return the first and the last of the days that a parameter names; None for anything else."""
    first, _, last = text.partition(_BETWEEN)
    try:
        found = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        return None
    return found if date(2000, 1, 1) <= found[0] <= found[1] <= date(2200, 1, 1) else None

"""The toolbar above a list: quick filters with counts, orders by column, and what narrows the list."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet, Value
from django.http import HttpRequest

from console.base.lists import CappedChangeList, SelectFilter
from console.base.saved_views import ViewMenu, menu_of

COUNT_CAP: Final = 100
SEARCH: Final = "q"
SORT: Final = "sort"


@dataclass(frozen=True, slots=True)
class QuickFilter:
    """One value of a declared filter that a list offers as a chip."""

    name: str
    label: str
    parameter: str
    value: str
    tone: str = "accent"


@dataclass(frozen=True, slots=True)
class Chip:
    """A quick filter as the page shows it: its link turns it on or off."""

    name: str
    label: str
    tone: str
    url: str
    count: int
    is_on: bool

    @property
    def shown(self) -> str:
        """Return the count as the chip shows it: "12", or "99+"."""
        return str(self.count) if self.count < COUNT_CAP else f"{COUNT_CAP - 1}+"


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading, with a link if the list can be sorted by it."""

    label: str
    url: str = ""
    direction: str = ""
    """As `aria-sort` says it; "" while the list is not sorted by this column."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A search or a filter that narrows the list, and the list's address without it."""

    title: str
    value: str
    url: str


@dataclass(frozen=True, slots=True)
class Pick:
    """An option of a filter as a link, which applies at once; `note` is what the filter says beside it."""

    label: str
    url: str
    is_on: bool
    note: str = ""


class SortFilter(SelectFilter):
    """The order of a list, as a select for phones; desks have the headings of the columns too."""

    title, parameter_name, any_label = "Sort by", SORT, "Default order"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep all rows: the list's admin reads the order."""
        return queryset


class ToolbarChangeList(CappedChangeList):
    """A list with chips, sortable columns and a search, where its admin declares them."""

    chips: tuple[Chip, ...] = ()
    views: ViewMenu | None = None
    left_out: tuple[str, ...] = ()
    """The titles of filters whose value in the address doesn't exist: all rows are shown, and the page says so."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page and the counts of the chips."""
        super().get_results(request)
        self.chosen = {spec.parameter_name: spec.chosen() for spec in self.filter_specs}
        ignored = [spec for spec in self.filter_specs if spec.value() and not self.chosen[spec.parameter_name]]
        self.left_out = tuple(str(spec.title) for spec in ignored)
        self.quick: tuple[QuickFilter, ...] = self.model_admin.get_quick_filters(request)
        self.chips = tuple(self._chips(request))
        if self.model_admin.has_saved_views:
            values = {spec.parameter_name: spec.value() for spec in ignored}
            self.views = menu_of(self.model_admin, request, ignored=values)

    def link(self, **changes: str | None) -> str:
        """Return the query string of the first page with other parameters; None removes one."""
        return self.get_query_string({"view": None, **changes})

    def _chips(self, request: HttpRequest) -> Iterator[Chip]:
        """Yield the quick filters, each with the number of rows it would leave beside the others. One query."""
        quick = self.quick
        parts = [
            self._rows_behind(request, each).order_by().values_list(Value(each.name))[:COUNT_CAP] for each in quick
        ]
        counts = Counter(name for (name,) in parts[0].union(*parts[1:], all=True)) if parts else Counter()
        for each in quick:
            is_on = self.chosen[each.parameter] == each.value
            url = self.link(**{each.parameter: None if is_on else each.value})
            yield Chip(each.name, each.label, each.tone, url, counts[each.name], is_on)

    def _rows_behind(self, request: HttpRequest, quick: QuickFilter) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.root_queryset
        for spec in self.filter_specs:
            is_own = spec.parameter_name == quick.parameter
            parameters = {quick.parameter: [quick.value]}
            each = type(spec)(request, parameters, self.model, self.model_admin) if is_own else spec
            rows = each.queryset(request, rows)
        found: QuerySet[Any] = self.model_admin.get_search_results(request, rows, self.query)[0]
        return found

    def headings(self, labels: list[str]) -> Iterator[Heading]:
        """Yield the columns' headings: a click sorts, another one reverses, a third one restores the order."""
        sorts: Mapping[str, tuple[str, str]] = self.model_admin.sorts
        current = self.chosen.get(SORT, "")
        for column, label in zip(self.list_display, labels, strict=True):
            if column not in sorts:
                yield Heading(label)
                continue
            first, second = sorts[str(column)]
            following = {first: second, second: None}.get(current, first)
            direction = "descending" if current.startswith("-") else "ascending"
            yield Heading(label, self.link(**{SORT: following}), direction if current in (first, second) else "")

    @property
    def has_toolbar(self) -> bool:
        """Return True if its admin declares more than filters."""
        return bool(self.quick or self.model_admin.has_search or self.views)

    @property
    def is_sorted(self) -> bool:
        """Return True if somebody chose an order."""
        return bool(self.chosen.get(SORT))

    @property
    def narrowings(self) -> list[Narrowing]:
        """Return the search and the chosen filters, each with the list's address without it."""
        found = [Narrowing("Search", f"“{self.query}”", self.link(**{SEARCH: None}))] if self.query else []
        for spec in self.filter_specs:
            value = spec.chosen()
            if value and not spec.is_hidden and spec.parameter_name != SORT:
                labels = {str(key): str(label) for key, label in spec.lookup_choices}
                found.append(Narrowing(str(spec.title), labels[value], self.link(**{spec.parameter_name: None})))
        return found

    @property
    def picks(self) -> dict[str, list[Pick]]:
        """Return the options of each filter as links, by its parameter; the first and the chosen one take it off."""
        found: dict[str, list[Pick]] = {}
        for spec in self.filter_specs:
            name, notes = spec.parameter_name, getattr(spec, "notes", {})
            for key, label in [("", spec.any_label), *spec.lookup_choices]:
                is_on = self.chosen[name] == str(key)
                url = self.link(**{name: None if is_on or not key else str(key)})
                found.setdefault(name, []).append(Pick(str(label), url, is_on, notes.get(str(key), "")))
        return found

    @property
    def chosen_selects(self) -> int:
        """Return how many filters are chosen that no chip shows."""
        shown = {(chip.parameter, chip.value) for chip in self.quick}
        names = [spec.parameter_name for spec in self.filter_specs if not spec.is_hidden]
        chosen = [(name, self.chosen[name]) for name in names if name != SORT]
        return sum(bool(value) and (name, value) not in shown for name, value in chosen)

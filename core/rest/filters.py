"""Filters of lists, by django-filter. A value that makes no sense is refused, never ignored."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django_filters import CharFilter, ChoiceFilter, Filter, FilterSet, MultipleChoiceFilter, UUIDFilter
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.extensions import OpenApiFilterExtension
from drf_spectacular.plumbing import build_choice_description_list
from rest_framework import serializers
from rest_framework.request import Request

from core.rest.fields import FROM, NO_MOMENT, TOO_EARLY, UNTIL, read_moment, times_out_of_order

ME = "me"


class TimesInOrder(forms.Form):
    """A form whose `<name>_before` lies after its `<name>_after`."""

    def clean(self) -> dict[str, Any]:
        """Return the values; raises `ValidationError` for times that no row can lie between."""
        found: dict[str, Any] = super().clean() or {}
        if wrong := times_out_of_order(found):
            raise forms.ValidationError(dict.fromkeys(wrong, TOO_EARLY))
        return found


class ApiFilterSet(FilterSet):
    """A filter that is not given has the value `initial`, if one is declared."""

    def __init__(self, data: QueryDict | None = None, *args: Any, **kwargs: Any) -> None:
        if data is not None:
            data = data.copy()
            for name, each in self.base_filters.items():
                if each.extra.get("initial") is not None:
                    data.setdefault(name, each.extra["initial"])
        super().__init__(data, *args, **kwargs)

    def get_form_class(self) -> type[forms.Form]:
        """Return the form, which refuses times that no row can lie between."""
        found: type[forms.Form] = super().get_form_class()
        return type("ApiFilterForm", (TimesInOrder, found), {})


class StrictBooleanField(forms.Field):
    """A boolean as JSON and query strings write it; Django's own field takes unknown words for no value."""

    def to_python(self, value: Any) -> bool | None:
        """Return the value; raises `ValidationError`."""
        if value in self.empty_values:
            return None
        try:
            found: bool | None = serializers.BooleanField(allow_null=self.initial is None).run_validation(value)
        except serializers.ValidationError:
            raise forms.ValidationError("Must be a valid boolean.") from None
        return found


class BooleanFilter(Filter):
    field_class = StrictBooleanField


class AnyOfFilter(MultipleChoiceFilter):
    """One of several values; a repeated parameter lists them."""

    def filter(self, qs: QuerySet[Any], value: Sequence[str]) -> QuerySet[Any]:
        """Return the rows with one of the values."""
        return qs.filter(**{f"{self.field_name}__in": value}) if value else qs


class MomentField(forms.Field):
    """A moment with its offset, or a day, which begins at midnight UTC."""

    def to_python(self, value: Any) -> datetime | None:
        """Return the moment; raises `ValidationError`."""
        if value in self.empty_values:
            return None
        try:
            return read_moment(str(value))
        except ValueError:
            raise forms.ValidationError("%(text)s", params={"text": NO_MOMENT}) from None


class AfterFilter(Filter):
    field_class = MomentField

    def __init__(self, field_name: str, **options: Any) -> None:
        super().__init__(field_name, lookup_expr="gte", **{"help_text": FROM, **options})


class BeforeFilter(Filter):
    field_class = MomentField

    def __init__(self, field_name: str, **options: Any) -> None:
        super().__init__(field_name, lookup_expr="lt", **{"help_text": UNTIL, **options})


class OrderFilter(ChoiceFilter):
    """The order of the list, which the pages read."""

    def __init__(self, *names: str, **options: Any) -> None:
        super().__init__(
            choices=[(name, name) for name in names], **{"help_text": "With `-` the other way round."} | options
        )

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Return all rows."""
        return qs


class PersonField(forms.UUIDField):
    """The id of a person, or `me`."""

    def to_python(self, value: Any) -> UUID | str | None:  # type: ignore[override]
        """Return `me` or the id; raises `ValidationError`."""
        found: UUID | None
        if value == ME:
            return ME
        found = super().to_python(value)
        return found


class PersonFilter(Filter):
    """A person by id, or the caller as `me`."""

    field_class = PersonField

    def filter(self, qs: QuerySet[Any], value: UUID | str | None) -> QuerySet[Any]:
        """Return the rows of the person; none if `me` is not a person."""
        if value is None:
            return qs
        person_id = value if isinstance(value, UUID) else self.parent.request.auth.user_id
        return qs.none() if person_id is None else self.filter_person(qs, person_id)

    def filter_person(self, qs: QuerySet[Any], person_id: UUID) -> QuerySet[Any]:
        """Return the rows of the person."""
        return qs.filter(**{self.field_name: person_id})


class OpenFilter(BooleanFilter):
    """Rows that are still open: `field_name` is the moment at which they were closed."""

    def filter(self, qs: QuerySet[Any], value: bool | None) -> QuerySet[Any]:
        """Return the open rows, or the closed ones."""
        return qs if value is None else qs.filter(**{f"{self.field_name}__isnull": value})


class ApiFilterBackend(DjangoFilterBackend):
    """Applies the view's `filterset_class` to the rows of a list."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """Return the rows that pass the filters; raises `ValidationError`."""
        found: QuerySet[Any] = super().filter_queryset(request, queryset, view) if view.is_list() else queryset
        return found


class ApiFilterExtension(OpenApiFilterExtension):  # type: ignore[no-untyped-call]
    """Describes the filters of a list in the OpenAPI document."""

    target_class = "core.rest.filters.ApiFilterBackend"
    priority = 1

    def get_schema_operation_parameters(self, auto_schema: Any, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        """Return a parameter for each filter."""
        view = auto_schema.view
        filters = getattr(view, "filterset_class", None)
        if filters is None or not view.is_list():
            return []
        return [_parameter(name, each) for name, each in filters.base_filters.items()]


def _parameter(name: str, each: Filter) -> dict[str, Any]:
    schema, choices = _schema(each), each.extra.get("choices")
    texts = [each.extra.get("help_text", "")]
    if isinstance(each, AnyOfFilter):
        schema["items"]["description"] = build_choice_description_list(choices)
    elif choices:
        texts.append(build_choice_description_list(choices))
    described = {"description": "\n\n".join(filter(None, texts))} if any(texts) else {}
    return {"in": "query", "name": name, "schema": schema, **described}


def _schema(each: Filter) -> dict[str, Any]:
    values = [value for value, _label in each.extra.get("choices", ())]
    initial = each.extra.get("initial")
    match each:
        case AnyOfFilter():
            return {"type": "array", "items": {"type": "string", "enum": values}}
        case ChoiceFilter():
            return {"type": "string", "enum": values} | ({"default": initial} if initial else {})
        case BooleanFilter():
            return {"type": "boolean"} if initial is None else {"type": "boolean", "default": initial}
        case UUIDFilter():
            return {"type": "string", "format": "uuid"}
        case AfterFilter() | BeforeFilter():
            return {"type": "string", "format": "date-time"}
        case CharFilter():
            return {"type": "string", "minLength": 1, "maxLength": each.extra["max_length"]}
        case _:
            return {"type": "string", "minLength": 1}

"""Serializer fields: bounded JSON documents, masked texts, local times."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final, TypeVar

from django.db.models import Model
from django.utils.encoding import force_str
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from core.privacy.json_texts import with_texts
from core.privacy.pii import mask_text
from core.text.amounts import parse_amount
from core.text.clean import can_be_stored

M = TypeVar("M", bound=Model)
FROM: Final = "From this moment on, such as `2026-05-01T00:00:00Z`; a day alone begins at midnight UTC."
UNTIL: Final = "Before this moment: rows of the moment itself are left out."
NO_MOMENT: Final = (
    "Give a moment with its offset, such as 2026-05-01T00:00:00Z (a + in an address is written %2B), or a day."
)
TOO_EARLY: Final = "It has to be later than the other moment."
SEEN: Final = "The version it was made from; 409 `stale_version` says who changed it since, and when."
EXPANDED: Final = "expanded"
"""Key of a serializer's context: what `expand` added, by name and id."""
CLEAR: Final = "clear"
"""Key of a serializer's context: the viewer may see personal data in clear."""


class SeenVersion(serializers.Serializer[Any]):
    """The version of an object that the caller saw; the base of bodies that change it."""

    version = serializers.IntegerField(source="seen_version", min_value=1, help_text=SEEN)


class PartialChange(serializers.Serializer[Any]):
    """What to change; what is left out stays. The base of such bodies."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a change of nothing: its names are probably misspelt."""
        if not attrs:
            raise serializers.ValidationError(f"Give at least one of {', '.join(self.fields)}.")
        return attrs


class BlankChoice(serializers.ChoiceField):
    """One of a fixed set, or empty."""

    def __init__(self, choices: Any, **options: Any) -> None:
        super().__init__(choices, **options)
        self.allow_blank = True


class RowSerializer(serializers.ModelSerializer[M]):
    """Shows the named fields of a row; none of them can be written."""

    def get_extra_kwargs(self) -> dict[str, dict[str, Any]]:
        """Return the framework's options, with every field read only."""
        found: dict[str, dict[str, Any]] = super().get_extra_kwargs()
        return {name: {**found.get(name, {}), "read_only": True} for name in self.Meta.fields}

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        """Return the field; one of a fixed set says whether it may be empty, so that typed clients can read it."""
        shape, options = super().build_standard_field(field_name, model_field)
        if model_field.choices and model_field.blank and issubclass(shape, serializers.ChoiceField):
            return BlankChoice, options
        return shape, options


class ExpandedField(serializers.Field[Any, Any, Any, Any]):
    """The object behind the id `key`, where `expand` asks for it; else its `summary`, or nothing."""

    def __init__(self, shape: type[serializers.BaseSerializer[Any]], key: str, summary: Any = None) -> None:
        super().__init__(required=False)
        self.shape, self.key, self.summary = shape, key, summary

    def get_attribute(self, instance: Any) -> Any:
        """Return the object as it is shown, None where it isn't there; raises `SkipField` if nobody asks."""
        found = self.context.get(EXPANDED, {}).get(self.field_name)
        if found is not None:
            return found.get(getattr(instance, self.key))
        if self.summary is None:
            raise serializers.SkipField
        return self.summary(getattr(instance, str(self.field_name)), context=self.context).data

    def to_representation(self, value: Any) -> Any:
        return value


class SafeJSONParser(JSONParser):
    """Parses JSON; a document that is nested too deeply is an error of the caller."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the document; raises `ParseError`."""
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None


class Document(serializers.DictField):
    """A JSON object that PostgreSQL can store: no NUL, no lone surrogates, not nested too deeply."""

    def to_internal_value(self, value: Any) -> Any:
        """Return the object; raises `ValidationError` if the database cannot store it."""
        if not isinstance(value, dict) or not can_be_stored(value):
            raise serializers.ValidationError("Give a JSON object of plain values.")
        return value


class AmountField(serializers.DecimalField):
    """An amount in plain digits, as text or as a number; what else Python reads as a number is refused."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the amount; raises `ValidationError`."""
        try:
            return super().to_internal_value(parse_amount(data))
        except ValueError:
            self.fail("invalid")


class MaskedText(serializers.CharField):
    """A text with personal data replaced, unless the context says that the viewer may see it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"read_only": True, **options})

    def to_representation(self, value: Any) -> str:
        """Return the masked text."""
        return force_str(value) if self.context.get(CLEAR) else mask_text(force_str(value))


class MaskedDocument(serializers.JSONField):
    """A JSON document whose texts are masked, unless the context says that the viewer may see them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"read_only": True, **options})

    def to_representation(self, value: Any) -> Any:
        """Return the document with masked texts; keys, numbers and flags stay."""
        return value if self.context.get(CLEAR) else with_texts(value, mask_text)


def read_moment(text: str) -> datetime:
    """Return the moment of a text with an offset, or the beginning of a day in UTC; raises `ValueError`."""
    if _DAY.fullmatch(text):
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    found = datetime.fromisoformat(text) if "T" in text.upper() else None
    if found is None or found.tzinfo is None:
        raise ValueError(text)
    return found


def times_out_of_order(values: Mapping[str, Any]) -> list[str]:
    """Return the names of the values `<name>_before` that do not lie after `<name>_after`."""
    pairs = [(name, values.get(name.removesuffix("_before") + "_after"), values[name]) for name in values]
    return [name for name, first, end in pairs if name.endswith("_before") and first and end and end <= first]


class MomentField(serializers.DateTimeField):
    """A moment with its offset, or a day, which begins at midnight UTC."""

    def to_internal_value(self, value: Any) -> datetime:
        """Return the moment; raises `ValidationError`."""
        try:
            return read_moment(str(value))
        except ValueError:
            raise serializers.ValidationError(NO_MOMENT) from None


_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_CLOCK: Final = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"


# The format "time" of JSON Schema needs an offset, and a local time has none.
@extend_schema_field({"type": "string", "pattern": _CLOCK, "example": "07:30"})
class LocalTime(serializers.TimeField):
    """A local time of day: no zone, no fractions."""

    def to_internal_value(self, value: Any) -> Any:
        """Return the time; raises `ValidationError` for an offset, which would be dropped silently."""
        if not isinstance(value, str) or not re.fullmatch(_CLOCK, value, re.ASCII):
            raise serializers.ValidationError("Give a local time, such as 07:30.")
        return super().to_internal_value(value)

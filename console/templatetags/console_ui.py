"""Template tags for the console's small parts: icons, chips, times, list cells and fields."""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

from django import template
from django.contrib.admin.utils import display_for_value, label_for_field, lookup_field
from django.forms.boundfield import BoundField
from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats, timesince, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from console.base.forms import described_by, look
from console.base.icons import PATHS
from console.base.undo import UndoOffer, list_offers
from core.clock import now
from core.events import streams
from core.text.amounts import money_text
from core.text.speech import spoken_here

register = template.Library()
_ITEM = re.compile(r"\s*[-*•]\s+(\S.*)")


@register.simple_tag
def icon(name: str, size: int = 18) -> SafeString:
    """Draw a decorative icon."""
    return format_html(
        '<svg class="wk-icon" width="{0}" height="{0}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        'stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="{1}"/></svg>',
        size,
        PATHS.get(name, PATHS["dot"]),
    )


@register.simple_tag
def chip(label: str, tone: str = "neutral", name: str = "") -> SafeString:
    """Draw a chip: a label, its tone and an icon, so that colour is never the only signal."""
    mark = icon(name, 14) if name else ""
    return format_html('<span class="wk-chip wk-tone-{}">{}<span>{}</span></span>', tone, mark, label)


def link(page: str, key: object, words: str) -> SafeString:
    """Draw a link to the console's page of another row, such as `agents_agent_change`."""
    return format_html('<a class="wk-over" href="{}">{}</a>', reverse(f"admin:{page}", args=[key]), words)


@register.simple_tag
def moment(value: datetime | None, empty: str = "–") -> SafeString | str:
    """Show a time relative to now, with the exact time on hover and for machines."""
    if value is None:
        return empty
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), clock(value), distance(value))


@register.simple_tag
def exact(value: datetime | None, empty: str = "–") -> SafeString | str:
    """Show a time as date and clock, with the zone."""
    if value is None:
        return empty
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), clock(value))


@register.simple_tag
def countdown(value: datetime) -> SafeString:
    """Show how long it is until a time; with scripts counted down from the server's seconds, then the page reloads."""
    left = max(1, math.ceil((value - now()).total_seconds()))
    words = timesince.timeuntil(value)
    return format_html('<time datetime="{}" data-countdown="{}">{}</time>', value.isoformat(), left, words)


def clock(value: datetime, pattern: str = "j M Y, H:i") -> str:
    """Format a time in the page's time zone: "21 Nov 2026, 14:05 CET"."""
    here = timezone.localtime(value)
    name = here.tzname() or ""
    return f"{formats.date_format(here, pattern)} {name if name[:1].isalpha() else f'UTC{name}'}"


def distance(value: datetime) -> str:
    """Return a time relative to now: "just now", "12 min ago", "in 3 h", "5 days ago"."""
    seconds = int((value - now()).total_seconds())
    size = abs(seconds)
    if size < 45:
        return "just now" if seconds <= 0 else "in a moment"
    if size < 3570:
        amount = f"{max(1, round(size / 60))} min"
    elif size < 86400:
        amount = f"{round(size / 3600)} h"
    else:
        days = round(size / 86400)
        amount = f"{days} day{'' if days == 1 else 's'}"
    return f"in {amount}" if seconds > 0 else f"{amount} ago"


@register.filter
def with_lists(text: str, place: str = "") -> str:
    """Draw lines of an answer that begin with "- " as a list, as the chat does; all else stays text."""
    if place == "wk-turn-in" or not any(map(_ITEM.fullmatch, text.splitlines())):
        return text
    parts = []
    for is_list, lines in groupby(text.splitlines(), key=lambda line: bool(_ITEM.fullmatch(line))):
        if is_list:
            items = format_html_join("", "<li>{}</li>", ([_ITEM.sub(r"\1", line)] for line in lines))
            parts.append(format_html('<ul class="wk-said">{}</ul>', items))
        else:
            parts.append(format_html("{}", "\n".join(lines).strip("\n")))
    return mark_safe("".join(parts))  # noqa: S308  (each part is escaped)


@register.simple_tag
def exact_second(value: datetime) -> str:
    """Write a time of today to the second."""
    return clock(value, "H:i:s")


@register.simple_tag
def undo_offers(request: HttpRequest) -> list[UndoOffer]:
    """Return what the person can undo now."""
    return list_offers(request)


@register.simple_tag
def live_topic(name: str, heads: Mapping[str, int] | None = None) -> SafeString:
    """Mark a part with the topic that refreshes it and the last event it includes, of `heads` if they were read."""
    after = streams.head(name) if not isinstance(heads, Mapping) else heads.get(name, 0)
    return format_html('data-live-topic="{}" data-live-after="{}"', name, after)


@register.simple_tag
def list_headings(cl: Any) -> Iterator[Any]:
    """Yield the headings of a list, with links where it can be sorted."""
    yield from cl.headings(list_headers(cl))


def list_headers(cl: Any) -> list[str]:
    """Return the labels of a list's columns."""
    labels = [str(label_for_field(name, cl.model, cl.model_admin)).removesuffix(" at") for name in cl.list_display]
    return [label[:1].upper() + label[1:] for label in labels]


@register.simple_tag
def list_rows(cl: Any) -> Iterator[dict[str, Any]]:
    """Yield each row of a list: its URL and its cells with their headings."""
    headings = list_headers(cl)
    for obj in cl.result_list:
        pairs = zip(headings, cl.list_display, strict=True)
        cells = [(heading, _cell(cl, name, obj)) for heading, name in pairs]
        yield {"url": cl.model_admin.object_url(obj), "cells": cells, "obj": obj}


def _cell(cl: Any, name: str, obj: Any) -> Any:
    field, _method, value = lookup_field(name, obj, cl.model_admin)
    if field is not None and field.choices:
        return getattr(obj, f"get_{name}_display")()
    if isinstance(value, datetime):
        return moment(value)
    return value if isinstance(value, str) and value else display_for_value(value, "–")


@register.filter
def described(bound: BoundField) -> SafeString:
    """Draw a form field with `aria-describedby` for its help and errors."""
    ids = described_by(bound)
    attrs: dict[str, str | bool] = {"aria-describedby": ids} if ids else {}
    attrs.setdefault("class", bound.field.widget.attrs.get("class") or look(bound.field.widget))
    if bound.errors:
        attrs["aria-invalid"] = "true"
    return mark_safe(str(bound.as_widget(attrs=attrs)))  # noqa: S308 - Django rendered and escaped it


@register.filter
def initials(name: str) -> str:
    """Return up to two initials for an avatar."""
    return "".join(part[0] for part in str(name).split()[:2]).upper() or "?"


@register.simple_tag
def avatar(name: str, picture_key: str = "") -> SafeString:
    """Draw a person whose name stands beside it: their picture, or else their initials."""
    if not picture_key:
        return format_html('<span class="wk-avatar" aria-hidden="true">{}</span>', initials(name))
    address = reverse("member_picture", args=[picture_key])
    return format_html('<img class="wk-avatar" src="{}" alt="" width="30" height="30">', address)


@register.filter
def money(value: Any, currency: str = "") -> str:
    """Show an amount with its currency: "18,000.00 EUR"."""
    return "" if value is None else money_text(value, currency, language=spoken_here())

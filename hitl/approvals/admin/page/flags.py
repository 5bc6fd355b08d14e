"""Compliance flags in the console: chips, the filter, and setting and clearing them."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from console.base.forms import ReasonForm
from console.base.lists import SelectFilter
from console.templatetags.console_ui import chip
from hitl.display import FLAGS, flag_words
from hitl.models import Approval, ComplianceFlag
from hitl.policy.limits.flags import RESERVED, label_flags


class FlagForm(ReasonForm):
    flag = forms.ChoiceField(label="Flag")
    field_order = ("flag", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["flag"].choices = self.initial.get("flags", ())  # type: ignore[attr-defined]


class FlagFilter(SelectFilter):
    title, parameter_name, any_label = "Flag", "flag", "Any"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        # The chips of the rows use the same labels.
        request.flag_labels = labels = label_flags()  # type: ignore[attr-defined]
        return [("any", "With any flag"), *sorted({**labels, **FLAGS}.items(), key=lambda row: row[1].lower())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.chosen()
        if not chosen:
            return queryset
        # Says what the index of flagged requests says.
        flagged = queryset.exclude(compliance_flags=[])
        return flagged if chosen == "any" else flagged.filter(compliance_flags__contains=[chosen])


def labels_for(approvals: Iterable[Approval]) -> dict[str, str]:
    """Return the labels of the flags on these requests. One query, none if no flag of the list is on them."""
    return label_flags() if any(set(row.compliance_flags) - RESERVED for row in approvals) else {}


def flag_chips(approval: Approval, labels: Mapping[str, str]) -> SafeString:
    return format_html_join(" ", "{}", ((chip(word, "serious", "flag"),) for word in flag_words(approval, labels)))


def flags_initial(path: str, approval: Approval) -> dict[str, Any]:
    """Return the choices of a form about flags."""
    if path == "flag":
        listed = ComplianceFlag.objects.filter(is_active=True).exclude(name__in=approval.compliance_flags)
        return {"flags": list(listed.order_by("label").values_list("name", "label"))}
    mine = [name for name in approval.compliance_flags if name not in RESERVED]
    labels = label_flags() if mine else {}
    return {"flags": [(name, labels.get(name, name)) for name in mine]}


def why_no_unflag(approval: Approval, person_id: object) -> str:
    """Return why a person can't clear a flag, "" if they can."""
    if not set(approval.compliance_flags) - RESERVED:
        return "This request has no flag that can be cleared."
    return "You contributed to this request, so someone else must do this." if person_id in approval.excluded else ""

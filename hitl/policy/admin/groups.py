"""The console's page of approver groups."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.selectors import list_members
from console.base.actions import ServiceAction
from console.base.crud import creates, deletes, edits
from console.base.forms import ConsoleForm, VersionedForm
from console.base.lists import Column
from console.names import name_in, names_of
from console.navigation import APPROVAL_RULES, SETTINGS, Nav
from hitl.domain.permissions import DECIDE
from hitl.models import ApproverGroup
from hitl.policy.admin.base import MANAGE, DefinitionAdmin
from hitl.policy.admin.workflow_form.stale_choices import chosen_in, stale_among, stale_approvers, uuid_in
from hitl.policy.workflows.groups import create_group, delete_group, revise_group


class GroupForm(VersionedForm):
    name = forms.CharField(label="Name", max_length=80, help_text="Such as “Marketing Leads”.")
    people = forms.MultipleChoiceField(label="People", required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = {str(m.user_id): m.user.get_full_name() for m in list_members(permission=DECIDE)}
        # People who can no longer approve stay visible: saving a new name must not drop them unseen.
        lost = stale_approvers(f"user:{each}" for each in stale_among(chosen_in(self, "people"), people))
        people |= {who.removeprefix("user:"): f"{name} (can no longer approve)" for who, name in lost.items()}
        self.fields["people"].choices = sorted(people.items(), key=lambda row: row[1])  # type: ignore[attr-defined]


def _group(form: ConsoleForm) -> dict[str, Any]:
    return {
        "name": form.cleaned_data["name"],
        "people": [key for person in form.cleaned_data["people"] if (key := uuid_in(person))],
    }


@admin.register(ApproverGroup)
class GroupAdmin(DefinitionAdmin):
    nav = Nav("Approver groups", "pen", SETTINGS, APPROVAL_RULES, order=20)
    intro = "People who are asked together. Changes apply at once, also to waiting requests."
    empty_title = "No groups yet"
    list_display = ("name", "people")
    ordering = ("name",)
    detail_fields = ("name", "people")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApproverGroup]:
        return super().get_queryset(request).prefetch_related("members")

    def prepare_rows(self, request: HttpRequest, rows: list[ApproverGroup]) -> None:
        names = names_of(member.user_id for group in rows for member in group.members.all())
        for group in rows:
            found = sorted(name_in(names, member.user_id) for member in group.members.all())
            group.people_names = ", ".join(found)  # type: ignore[attr-defined]

    people = Column[ApproverGroup]("People", lambda group: group.people_names or "Nobody")  # type: ignore[attr-defined]

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        if action.path != "edit":
            return {} if obj is None else {"version": obj.version}
        return {
            "name": obj.name,
            "version": obj.version,
            "people": [str(member.user_id) for member in obj.members.all()],
        }

    create = creates(create_group, MANAGE, GroupForm, title="New group", values=_group, done="{} was created.")
    edit = edits(revise_group, "group_id", MANAGE, GroupForm, title="Name and people", tone="good",
                 values=_group, done="{} was saved.")  # fmt: skip
    delete = deletes(delete_group, "group_id", MANAGE, form=VersionedForm, done="{} was deleted.",
                     explain="You can only delete a group that no workflow uses.")  # fmt: skip

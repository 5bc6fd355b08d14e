"""Console page of roles: what each allows, and the organisation's own ones to make and change."""

import hashlib
from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts.members import own_roles
from accounts.members.invitations import VIEW
from accounts.members.own_roles import Effect, RoleSettings
from accounts.models import Membership, Role
from accounts.permissions.role_limits import MANAGE
from accounts.permissions.roles import ALL_PERMISSIONS, Named, permissions_of, roles_here
from accounts.permissions.team_scope import ALLOWED
from console.base.actions import ServiceAction
from console.base.crud import creates, deletes, edits
from console.base.forms import ConsoleForm, VersionedForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.navigation import ORGANISATION, SETTINGS, Nav
from console.permissions import group_by_area, label_of, list_permissions
from console.viewers import viewer_of

COPY = "of"
"""The parameter that names the role to copy."""


class RoleForm(ConsoleForm):
    """An own role: its name, what it allows, and what it is limited to."""

    name = forms.CharField(label="Name", max_length=own_roles.LONGEST_NAME)
    permissions = forms.MultipleChoiceField(
        label="Permissions", widget=forms.CheckboxSelectMultiple, help_text="You can give what your own role allows."
    )
    sees = forms.ChoiceField(label="Sees", choices=Role.Sees.choices, initial=Role.Sees.ALL, widget=forms.RadioSelect)
    session_hours = forms.IntegerField(
        label="Hours until they sign in again (optional)",
        required=False,
        min_value=1,
        max_value=own_roles.MOST_HOURS,
        help_text="Also after how long their apps sign in again. Leave it empty to keep sessions as long as usual.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["permissions"].choices = self.initial.get("choices", [])  # type: ignore[attr-defined]

    def settings(self) -> RoleSettings:
        """Return what was entered."""
        said = {name: self.cleaned_data[name] for name in ("name", "sees", "session_hours")}
        return RoleSettings(permissions=tuple(sorted(self.cleaned_data["permissions"])), **said)


class ChangedRoleForm(RoleForm, VersionedForm):
    """The same of a role that is there. What it means for people is shown before it is saved."""

    template_name = "console/parts/role_form.html"
    submit = "Review the change"
    effect: Effect | None = None
    mark = ""
    """Of the change whose effect is shown: what is sent with it was seen."""

    def confirm(self, effect: Effect) -> None:
        """Show what the change means, unless it is what was shown already: then it is saved."""
        mark = hashlib.sha256(repr((effect, self.settings())).encode()).hexdigest()
        self.submit = "Save for everyone"
        if self.data.get("shown") == mark:
            return
        gained, lost = (tuple(map(label_of, names)) for names in (effect.gained, effect.lost))
        self.effect, self.mark, self.is_redrawn = replace(effect, gained=gained, lost=lost), mark, True


@admin.register(Role)
class RoleAdmin(ServiceAdmin):
    """The built-in roles to read and copy, and the organisation's own ones."""

    view_permission = VIEW
    nav = Nav("Roles", "shield", SETTINGS, ORGANISATION, order=22)
    intro = "What each role allows. The built-in roles stay as they are: copy one to make a role of your own."
    change_list_template = "console/roles.html"
    ordering = ("name",)
    detail_fields = ("name", "key", "having", "sees", "lasts", "allowed")
    edit_page = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Role]:
        """Return the own roles that aren't deleted."""
        return own_roles.list_roles(viewer=viewer_of(request))

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add the matrix: a column for each role, a row for each permission."""
        context = super().list_context(request)
        roles = roles_here()
        may = viewer_of(request).may(MANAGE)
        create = reverse("admin:accounts_role_create")
        columns = [
            {
                "name": role.name,
                "url": reverse("admin:accounts_role_change", args=[role.pk]) if role.pk else "",
                "copy_url": f"{create}?{COPY}={key}" if may else "",
            }
            for key, role in roles.items()
        ]
        areas = [
            (area, [rows_of(name, roles) for name, _ in listed]) for area, listed in group_by_area(ALL_PERMISSIONS)
        ]
        return {**context, "columns": columns, "areas": areas, "span": len(columns) + 1}

    def object_title(self, obj: Role) -> str:
        """Return the role's name."""
        return obj.name

    having = Column[Role]("People", lambda role: str(Membership.objects.filter(role=role.key, is_active=True).count()))
    lasts = Column[Role](
        "Signs in again", lambda role: f"After {role.session_hours} hours" if role.session_hours else "As usual"
    )
    allowed = Column[Role]("Permissions", lambda role: list_permissions(permissions_of(role.key, role.permissions)))

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Block changes to the viewer's own role."""
        is_own = obj is not None and obj.key == viewer_of(request).role
        return "You can't change your own role. Ask a colleague who manages people." if is_own else ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Start with what is stored, or with the role to copy, and offer what the viewer can give."""
        may = viewer_of(request).permissions & ALLOWED[Role.Sees.ALL]
        if obj is not None:
            allowed = permissions_of(obj.key, obj.permissions)
            kept = {name: getattr(obj, name) for name in ("name", "sees", "session_hours", "version")}
            return {**kept, "permissions": sorted(allowed), "choices": group_by_area(may | allowed)}
        source = roles_here().get(request.GET.get(COPY, ""), Named("", frozenset()))
        name = f"Copy of {source.name}"[: own_roles.LONGEST_NAME] if source.name else ""
        return {"name": name, "permissions": sorted(source.permissions & may), "choices": group_by_area(may)}

    def action_form(self, request: HttpRequest, action: ServiceAction, obj: Any, *, bound: bool = False) -> ConsoleForm:
        """Return the action's form; a change of a role says first what it means."""
        form = super().action_form(request, action, obj, bound=bound)
        if bound and isinstance(form, ChangedRoleForm) and form.is_valid():
            form.confirm(own_roles.find_effect(viewer=viewer_of(request), role_id=obj.pk, settings=form.settings()))
        return form

    create = creates(
        own_roles.create_role,
        MANAGE,
        RoleForm,
        title="New role",
        values=lambda form: {"settings": form.settings()},
        explain="Nobody has it until you give it to somebody under People.",
        done="The role “{}” is there. Give it to people under People.",
    )
    edit = edits(
        own_roles.revise_role,
        "role_id",
        MANAGE,
        ChangedRoleForm,
        values=lambda form: {"settings": form.settings()},
        explain="A change counts at once for everyone with this role.",
        done="Saved.",
    )
    delete = deletes(
        own_roles.delete_role,
        "role_id",
        MANAGE,
        title="Delete",
        explain="You can delete a role that nobody has, that no workflow asks, and that your company sign-in gives to "
        "no group. Old entries in the audit log keep its key.",
        done="The role “{}” is deleted.",
    )


def rows_of(permission: str, roles: dict[str, Named]) -> tuple[str, list[tuple[str, bool]]]:
    """Return a row of the matrix: the permission's label, and for each role its name and whether it has it."""
    return label_of(permission), [(role.name, permission in role.permissions) for role in roles.values()]

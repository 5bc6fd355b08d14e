"""The forms by which one row is shared with a person, a team or a role, and by which that ends."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from uuid import UUID

from django import forms

from accounts.members.shares import LONGEST, SHARE, SHAREABLES, Grantee, end_share, list_shares, name_grantees, share
from accounts.models import Share
from accounts.permissions.roles import role_choices
from accounts.permissions.shares import live
from accounts.permissions.team_scope import team_names
from accounts.selectors import list_members
from console.base.actions import ServiceAction
from console.base.crud import calls
from console.base.forms import ConsoleForm
from core.actors import Actor

PEOPLE: Final = "People"


class ShareForm(ConsoleForm):
    """Who gets it, how far, until when and why."""

    grantee = forms.ChoiceField(label="Share with")
    level = forms.ChoiceField(label="They can", widget=forms.RadioSelect, choices=Share.Level.choices)
    ends_at = forms.DateTimeField(
        label="Until (optional)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    reason = forms.CharField(
        label="Why", max_length=LONGEST, help_text="For your organisation's records. Without personal data."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["grantee"].choices = self.initial.get("grantees", [])  # type: ignore[attr-defined]
        self.fields["level"].choices = self.initial.get("levels", [])  # type: ignore[attr-defined]

    def place_errors(self, problems: Mapping[str, Any]) -> bool:
        """Show what is wrong with who gets it at the one field for that."""
        of_grantee = ("user_id", "team_id", "role", "with")
        return super().place_errors({"grantee" if name in of_grantee else name: problems[name] for name in problems})

    def as_arguments(self) -> dict[str, Any]:
        """Return what the service takes."""
        said = self.cleaned_data
        of, _, key = said["grantee"].partition(":")
        if of == "role":
            grantee = Grantee(role=key)
        else:
            grantee = Grantee(team_id=UUID(key)) if of == "team" else Grantee(user_id=UUID(key))
        return {"grantee": grantee, "level": said["level"], "ends_at": said["ends_at"], "reason": said["reason"]}


class EndShareForm(ConsoleForm):
    """Which share ends."""

    share = forms.TypedChoiceField(label="Share", coerce=UUID)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["share"].choices = self.initial.get("shares", [])  # type: ignore[attr-defined]


def share_action(kind: str) -> ServiceAction:
    """Return the action that shares a row of a kind."""
    return calls(
        partial(share, kind=kind),
        "object_id",
        permission=SHARE,
        form=ShareForm,
        title="Share…",
        submit="Share",
        explain="They see this on top of what their role allows, until the share ends. It makes nobody an approver.",
        initial=partial(choices_for, kind),
        why_not=lambda _: "",
        values=ShareForm.as_arguments,
        done="Shared.",
    )


def end_share_action(kind: str) -> ServiceAction:
    """Return the action that ends a share of a row of a kind."""
    return calls(
        end_share,
        on_list=False,
        permission=SHARE,
        form=EndShareForm,
        title="End a share…",
        submit="End share",
        explain="They no longer see this from their next request on, unless their role or team lets them.",
        initial=partial(shares_of, kind),
        why_not=lambda row: "" if is_shared(kind, row) else "It isn't shared.",
        values=lambda form: {"share_id": form.cleaned_data["share"]},
        done="The share has ended.",
    )


def is_shared(kind: str, row: Any) -> bool:
    """Return True if a row is shared with somebody; without a query where it was read with it."""
    found: bool | None = getattr(row, "is_shared", None)
    return Share.objects.filter(live(), kind=kind, object_id=row.pk).exists() if found is None else found


def choices_for(kind: str, viewer: Actor, row: Any) -> dict[str, Any]:
    people = [
        (f"user:{member.user_id}", member.user.get_full_name())
        for member in list_members()
        if member.user_id != viewer.user_id
    ]
    teams = [(f"team:{pk}", name) for pk, name in team_names().items()]
    roles = [(f"role:{key}", name) for key, name in role_choices()]
    groups = [(PEOPLE, people), ("Teams", teams), ("Roles", roles)]
    acts = SHAREABLES.get(kind).acts
    return {
        "grantees": [("", "Choose"), *((title, rows) for title, rows in groups if rows)],
        "levels": [(Share.Level.SEE.value, "See it"), (Share.Level.ACT.value, f"See it, and {acts}")],
        "level": Share.Level.SEE.value,
    }


def shares_of(kind: str, viewer: Actor, row: Any) -> dict[str, Any]:
    rows = list(list_shares(viewer=viewer, kind=kind, object_id=row.pk))
    names = name_grantees(rows)
    return {"shares": [(str(one.pk), f"{names[one.pk]}: {one.get_level_display().lower()}") for one in rows]}

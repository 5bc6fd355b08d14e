"""Create, Edit and Delete: what nearly every page has, as a service, its permission and what it says."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase

from console.base.actions import ServiceAction, service_action
from console.base.forms import ConfirmForm, ConsoleForm, VersionedForm
from console.viewers import viewer_of

Values = Callable[[Any], Mapping[str, Any]]
Service = Callable[..., Any]


def given(form: ConsoleForm) -> dict[str, Any]:
    """Return what a form was filled with; its version is handed on apart."""
    return {name: value for name, value in form.cleaned_data.items() if name != "version"}


def edits(
    service: Service,
    key: str,
    permission: str,
    form: type[ConsoleForm],
    *,
    done: str,
    values: Values = given,
    **looks: Any,
) -> ServiceAction:
    """Return the action that changes a row by a service.

    The service gets the actor, the row's id as `key`, the form's `values` and, of a form that has one, the version
    that was shown. `done` is the sentence afterwards, "{}" in it what the service returned; without a sentence the
    page alone is shown. `looks` are those of `service_action`.
    """

    def edit(self: Any, request: HttpRequest, obj: Any, form: ConsoleForm) -> str | HttpResponseBase:
        saved = service(actor=viewer_of(request), **{key: obj.pk}, **_seen(form), **values(form))
        return done.format(saved) or HttpResponseRedirect(self.object_url(obj))

    looks = {"path": "edit", "title": "Edit", "submit": "Save", **looks}
    return service_action(permission=permission, form=form, **looks)(edit)


def creates(
    service: Service, permission: str, form: type[ConsoleForm], *, done: str, values: Values = given, **looks: Any
) -> ServiceAction:
    """Return the action of a list that creates a row by a service; `done` and the others are as in `edits`."""

    def create(self: Any, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        return done.format(service(actor=viewer_of(request), **values(form)))

    looks = {"submit": "Create", "tone": "good", "on_list": True, **looks}
    return service_action(path="create", permission=permission, form=form, **looks)(create)


def deletes(
    service: Service, key: str, permission: str, *, done: str, form: type[ConsoleForm] = ConfirmForm, **looks: Any
) -> ServiceAction:
    """Return the action that deletes a row by a service, as `edits` changes one.

    "{}" in the sentence is the row; without a sentence the list is shown.
    """

    def delete(self: Any, request: HttpRequest, obj: Any, form: ConsoleForm) -> str | HttpResponseBase:
        seen = {"seen_version": form.cleaned_data["version"]} if isinstance(form, VersionedForm) else {}
        service(actor=viewer_of(request), **{key: obj.pk}, **seen)
        return done.format(obj) or HttpResponseRedirect(self.list_url())

    looks = {"path": "delete", "title": "Delete", "tone": "danger", **looks}
    return service_action(permission=permission, form=form, **looks)(delete)


def _seen(form: ConsoleForm) -> dict[str, Any]:
    if isinstance(form, VersionedForm):
        return {"seen_version": form.seen_version()}
    return {"seen_version": form.cleaned_data["version"]} if "version" in form.fields else {}

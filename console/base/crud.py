"""Actions that only call a service, such as Create, Edit and Delete: the service, its permission and their words."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase

from console.base.actions import ServiceAction, service_action
from console.base.forms import ConfirmForm, ConsoleForm, VersionedForm
from console.viewers import viewer_of

Values = Callable[[Any], Mapping[str, Any]]
Service = Callable[..., Any]
Said = str | Callable[[Any], str | HttpResponseBase]


def given(form: ConsoleForm) -> dict[str, Any]:
    """Return what a form was filled with; its version is handed on apart."""
    return {name: value for name, value in form.cleaned_data.items() if name != "version"}


def calls(
    service: Service, key: str = "", /, *, done: Said = "", values: Values = given, of: str = "pk", **looks: Any
) -> ServiceAction:
    """Return an action that calls a service: about a row, whose id it gets as `key`, or without a key above the list.

    The service gets the actor, the form's `values` and, of a row's form that has one, the version shown. `done` is the
    sentence afterwards, "{}" in it what the service returned, or makes it; `of` is the row's attribute with the id.
    `looks` are those of `service_action`.
    """

    def call(self: Any, request: HttpRequest, obj: Any, form: ConsoleForm) -> str | HttpResponseBase:
        about = {key: getattr(obj, of)} if key else {}
        if key and isinstance(form, VersionedForm):
            about["seen_version"] = form.seen_version()
        elif key and "version" in form.fields:
            about["seen_version"] = form.cleaned_data["version"]
        made = service(actor=viewer_of(request), **about, **values(form))
        return done(made) if callable(done) else done.format(made)

    return service_action(**{"on_list": not key, **looks})(call)


def edits(
    service: Service, key: str, permission: str, form: type[ConsoleForm], *, done: str, **looks: Any
) -> ServiceAction:
    """Return the action that changes a row by a service, as `calls` does. Without a sentence its page is shown."""
    looks = {"title": "Edit", "submit": "Save", **looks}
    action = calls(service, key, done=done, permission=permission, form=form, **looks)

    def edit(self: Any, request: HttpRequest, obj: Any, form: ConsoleForm) -> str | HttpResponseBase:
        return action.handler(self, request, obj, form) or HttpResponseRedirect(self.object_url(obj))

    return action(edit)


def creates(service: Service, permission: str, form: type[ConsoleForm], *, done: str, **looks: Any) -> ServiceAction:
    """Return the action of a list that creates a row by a service, as `calls` does."""
    looks = {"submit": "Create", "tone": "good", **looks}
    return calls(service, done=done, permission=permission, form=form, **looks)


def deletes(
    service: Service, key: str, permission: str, *, done: str, form: type[ConsoleForm] = ConfirmForm, **looks: Any
) -> ServiceAction:
    """Return the action that deletes, stops or retires a row, "{}" in the sentence; without one the list is shown.

    The service gets the actor, the row's id and, of a form that has one, the version shown.
    """

    def delete(self: Any, request: HttpRequest, obj: Any, form: ConsoleForm) -> str | HttpResponseBase:
        seen = {"seen_version": form.cleaned_data["version"]} if isinstance(form, VersionedForm) else {}
        service(actor=viewer_of(request), **{key: obj.pk}, **seen)
        return done.format(obj) or HttpResponseRedirect(self.list_url())

    looks = {"title": "Delete", "tone": "danger", **looks}
    return service_action(permission=permission, form=form, **looks)(delete)

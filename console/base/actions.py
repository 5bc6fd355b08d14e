"""Service actions: state changes as POST forms that call a service; a GET only shows the form."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Final, NoReturn, Protocol

from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts.permissions import object_permissions
from console.base.forms import ConfirmForm, ConsoleForm
from console.base.kit import KitSite
from console.error_messages import explain
from console.extensions import clear_badges
from console.viewers import opens_form, viewer_of
from core.actors import Actor
from core.errors import NotFound, Refused, WalkerError
from core.tenancy.scope import current_tenant_id

OF: Final = "of_organisation"
"""The form field that names the organisation the form was opened for."""
Handler = Callable[..., str | HttpResponseBase]


class ActionHost(Protocol):
    """The admin whose rows actions change; `ServiceAdmin` says what each of these does."""

    admin_site: KitSite
    service_actions: ClassVar[dict[str, "ServiceAction"]]

    @property
    def model(self) -> Any: ...

    @property
    def list_label(self) -> str: ...

    def list_url(self) -> str: ...

    def object_url(self, obj: Any) -> str: ...

    @property
    def to_list(self) -> Collection[str]: ...

    def opens_to(self, viewer: Actor, /) -> bool: ...

    def object_or_404(self, request: HttpRequest, object_id: Any) -> Any: ...

    def object_title(self, obj: Any) -> str: ...

    def note_refusal(self, request: HttpRequest, problem: WalkerError, object_id: Any) -> None: ...

    def why_not(self, request: HttpRequest, action: "ServiceAction", obj: Any) -> str: ...

    def action_form(
        self, request: HttpRequest, action: "ServiceAction", obj: Any, *, bound: bool = False
    ) -> ConsoleForm: ...

    def after_action_url(self, request: HttpRequest, action: "ServiceAction", obj: Any) -> str: ...

    def form_page(
        self, request: HttpRequest, action: "ServiceAction", obj: Any, form: ConsoleForm, status: int
    ) -> HttpResponse: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAction:
    """One state change; as a decorator it makes a method `(self, request, obj, form) -> message` a guarded POST form.

    `on_object`: an object permission is enough, if the service accepts it too.
    """

    title: str
    permission: str
    path: str = ""
    """The end of its address; its name in the class, with dashes, where it isn't given."""
    form: type[ConsoleForm] = ConfirmForm
    submit: str = ""
    tone: str = "neutral"
    explain: str = ""
    on_list: bool = False
    key: str = ""
    on_object: bool = False
    in_menu: bool = False
    """Of an action that an app above brings: whether it stands in the page's own menu, not in a panel of that app."""
    reading: str = ""
    """The permission to open its page, where more people may read it than may send its form."""
    why_not: Callable[[Any], str] | None = None
    """Why it can't be used on a row now, "" if it can; without it the row's admin says so."""
    initial: Callable[[Actor, Any], Mapping[str, Any]] | None = None
    """What its form shows a viewer of a row at first; without it the row's admin says so."""
    handler: Handler = str
    """What calls the service; an action that never decorated one is refused when its admin is made."""
    do_not_call_in_templates: ClassVar[bool] = True

    def __set_name__(self, owner: type, name: str) -> None:
        """Take the name of the class's attribute for the path."""
        if not self.path:
            object.__setattr__(self, "path", name.replace("_", "-"))

    def __call__(self, handler: Handler) -> "ServiceAction":
        """Return the action with what calls its service."""
        return replace(self, handler=handler, submit=self.submit or self.title)


service_action = ServiceAction


def actions_of(model_admin: type) -> dict[str, ServiceAction]:
    """Return the actions a class and its parents declare, by path. Raises TypeError for one without a method."""
    actions: dict[str, ServiceAction] = {}
    for parent in reversed(model_admin.__mro__):
        declared = [value for value in vars(parent).values() if isinstance(value, ServiceAction)]
        if idle := [action.path for action in declared if action.handler is str]:
            raise TypeError(f"{parent.__name__}: service_action without a method: {', '.join(idle)}")
        actions.update({action.path: action for action in declared})
    return actions


_registered: Final[dict[type[Model], dict[str, ServiceAction]]] = {}


def register_action(model: type[Model], action: ServiceAction) -> None:
    """Register an action that an app above brings to the rows of a model; another with its path is an error."""
    known = _registered.setdefault(model, {})
    if known.setdefault(action.path, action) is not action:
        raise ValueError(f"{model.__name__} has an action {action.path!r} already")


def every_action(model_admin: ActionHost) -> list[ServiceAction]:
    """Return the actions that an admin declares, then those that apps above have registered."""
    return [*model_admin.service_actions.values(), *_registered.get(model_admin.model, {}).values()]


def why_not(model_admin: ActionHost, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
    """Return, for the viewer, why an action can't be used now, or "" if it can."""
    return model_admin.why_not(request, action, obj) if action.why_not is None else action.why_not(obj)


def url_name(model_admin: ActionHost, action: ServiceAction) -> str:
    """Return the name of the action's URL inside the admin's namespace."""
    opts = model_admin.model._meta
    return f"{opts.app_label}_{opts.model_name}_{action.path.replace('-', '_')}"


def action_url(model_admin: ActionHost, action: ServiceAction, obj: Any) -> str:
    """Return where the action's form is shown and posted."""
    args = [] if action.on_list else [obj.pk]
    return reverse(f"{model_admin.admin_site.name}:{url_name(model_admin, action)}", args=args)


def urls_of(model_admin: ActionHost) -> list[URLPattern]:
    """Return the URL patterns of all actions of an admin."""
    patterns = []
    for action in every_action(model_admin):
        view = model_admin.admin_site.admin_view(partial(run_action, model_admin, action))
        route = f"{action.path}/" if action.on_list else f"<uuid:object_id>/{action.path}/"
        patterns.append(path(route, view, name=url_name(model_admin, action)))
    return patterns


def usable(actions: Iterable[ServiceAction], viewer: Actor, obj: Any) -> list[ServiceAction]:
    """Return the actions the viewer may use on the object. At most one query in total."""
    candidates = list(actions)
    needs_object = any(action.on_object and not viewer.may(action.permission) for action in candidates)
    granted = object_permissions.list_permissions(actor=viewer, obj=obj) if needs_object else frozenset()
    return [a for a in candidates if viewer.may(a.permission) or (a.on_object and a.permission in granted)]


def run_action(
    model_admin: ActionHost, action: ServiceAction, request: HttpRequest, object_id: Any = None
) -> HttpResponseBase:
    """Show the form (GET) or call the service (POST); errors are shown on the form."""
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "POST"])
    viewer = viewer_of(request)
    if action.reading and request.method != "POST":
        action = replace(action, permission=action.reading)
    # A row's form shows and names the row: who may not open its page gets none.
    opens = action.on_list or model_admin.opens_to(viewer)
    if not (opens and (action.on_object or viewer.may(action.permission))):
        _deny(model_admin, action, request, object_id)
    obj = None if action.on_list else model_admin.object_or_404(request, object_id)
    if not usable([action], viewer, obj):
        _deny(model_admin, action, request, object_id)
    if request.method != "POST":
        return model_admin.form_page(request, action, obj, model_admin.action_form(request, action, obj), 200)
    # The person may have switched to another organisation in another tab since the form was opened.
    if request.POST.get(OF, str(current_tenant_id())) != str(current_tenant_id()):
        raise PermissionDenied("This form belongs to another of your organisations. Nothing was changed.")
    form = model_admin.action_form(request, action, obj, bound=True)
    if form.is_redrawn:
        return model_admin.form_page(request, action, obj, form, 200)
    if not form.is_valid():
        return model_admin.form_page(request, action, obj, form, 400)
    return _call_handler(model_admin, action, request, obj, form)


def show_once(
    model_admin: ActionHost, request: HttpRequest, back_url: str, *, title: str, **shown: Any
) -> HttpResponse:
    """Show a `secret`, or several as `secrets` of name and value, on a page that no browser keeps."""
    context = {**model_admin.admin_site.each_context(request), "title": title, **shown, "back_url": back_url}
    template = "console/secrets.html" if "secrets" in shown else "console/secret.html"
    return TemplateResponse(request, template, context, headers={"Cache-Control": "no-store"})


def _deny(model_admin: ActionHost, action: ServiceAction, request: HttpRequest, object_id: Any) -> NoReturn:
    """Refuse an action that the viewer's role doesn't allow; only sending its form is an attempt."""
    problem = Refused("Your role doesn't allow this.", permission=action.permission)
    if request.method == "POST":
        model_admin.note_refusal(request, problem, object_id)
    raise PermissionDenied(problem.detail)


def _call_handler(
    model_admin: ActionHost, action: ServiceAction, request: HttpRequest, obj: Any, form: ConsoleForm
) -> HttpResponseBase:
    try:
        outcome = action.handler(model_admin, request, obj, form)
    except NotFound as error:
        model_admin.note_refusal(request, error, None if obj is None else obj.pk)
        raise Http404(error.detail) from error
    except WalkerError as error:
        model_admin.note_refusal(request, error, None if obj is None else obj.pk)
        if error.code == "confirm_first":
            # Asks for the password and returns with the form's data.
            raise ReauthenticationRequired from error
        fields = error.facts.get("fields")
        if not (isinstance(fields, dict) and form.place_errors(fields)):
            form.add_error(None, explain(error))
        return model_admin.form_page(request, action, obj, form, error.status)
    clear_badges(viewer_of(request), current_tenant_id())
    if isinstance(outcome, HttpResponseBase):
        return outcome
    if outcome:
        messages.success(request, outcome)
    return HttpResponseRedirect(model_admin.after_action_url(request, action, obj))


def show_form(
    model_admin: ActionHost,
    request: HttpRequest,
    action: ServiceAction,
    obj: Any,
    form: ConsoleForm,
    status: int,
) -> HttpResponse:
    """Show an action's form on a page of its own, or alone where a page left it out until it is opened."""
    if opens_form(request):
        offer = {
            "action": action,
            "url": request.get_full_path(),
            "form": form,
            "blocked": why_not(model_admin, request, action, obj),
        }
        return TemplateResponse(request, "console/parts/action.html", {"offer": offer}, status=status)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": action.title,
        "action": action,
        "form": form,
        "organisation": {"field": OF, "id": current_tenant_id()},
        "obj": obj,
        "object_title": model_admin.object_title(obj) if obj is not None else "",
        "blocked": why_not(model_admin, request, action, obj),
        "list_title": model_admin.list_label,
        "list_url": model_admin.list_url(),
        # Nothing has happened to a row whose removal would lead to the list.
        "back_url": model_admin.object_url(obj)
        if obj is not None and action.path in model_admin.to_list
        else model_admin.after_action_url(request, action, obj),
        "opts": model_admin.model._meta,
    }
    return TemplateResponse(request, "console/confirm.html", context, status=status)

"""Console page of the viewer's own saved views, where they are renamed and deleted."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html

from accounts import saved_views
from accounts.models import SavedView
from console.base.actions import ServiceAction, service_action
from console.base.crud import calls, deletes
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.base.saved_views import known_part, list_of, url_of
from console.navigation import YOURS, Nav
from console.viewers import viewer_of
from core.errors import Invalid


class NameForm(ConsoleForm):
    """The name of a view."""

    name = forms.CharField(label="Name", max_length=saved_views.LONGEST_NAME)


class SaveForm(NameForm):
    """A name for what a list shows now."""

    # Nobody sees errors of hidden fields: the service says what is wrong with them.
    list_key = forms.CharField(required=False, widget=forms.HiddenInput)
    query = forms.CharField(required=False, widget=forms.HiddenInput)


@admin.register(SavedView)
class SavedViewAdmin(ServiceAdmin):
    """The viewer's own saved views; nobody sees another person's."""

    view_permission = saved_views.USE
    nav = Nav("Saved views", "list", YOURS, order=60)
    intro = "Filters, searches and orders of lists that you keep under a name. Only you see them."
    empty_title = "No saved views yet"
    empty_text = "Filter a list, then save it from its Views menu."
    ordering = ("name", "pk")
    list_display = ("name", "list_title", "created_at")
    detail_fields = ("list_title", "opens", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SavedView]:
        """Return the viewer's own views."""
        return saved_views.list_own(viewer=viewer_of(request))

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Offer nothing: views are saved where they are used."""
        return {"offered": []}

    def list_actions(self) -> dict[str, ServiceAction]:
        """Return nothing, for the same reason."""
        return {}

    def object_title(self, obj: SavedView) -> str:
        """Return the view's name."""
        return obj.name

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Start with the present name."""
        return {"name": obj.name} if obj is not None else {}

    @admin.display(description="List")
    def list_title(self, view: SavedView) -> str:
        """Return the title of the view's list."""
        found = list_of(self.admin_site, view.list_key)
        return found.nav.label if found else "A list that no longer exists"

    @admin.display(description="Opens")
    def opens(self, view: SavedView) -> str:
        """Return the link that opens the list."""
        found = list_of(self.admin_site, view.list_key)
        return format_html('<a href="{}">Open the list</a>', url_of(found, view)) if found else "–"

    @service_action(title="Save view", permission=saved_views.USE, form=SaveForm, tone="primary", on_list=True)
    def save(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Save what the list shows, and open it as the view."""
        viewer, list_key = viewer_of(request), form.cleaned_data["list_key"]
        found = list_of(self.admin_site, list_key)
        if found is None or not found.opens_to(viewer):
            raise Invalid("There is no such list.", code="unknown_list")
        query = known_part(found, form.cleaned_data["query"])
        view = saved_views.save_view(actor=viewer, list_key=list_key, name=form.cleaned_data["name"], query=query)
        return HttpResponseRedirect(url_of(found, view))

    rename = calls(
        saved_views.rename_view,
        "view_id",
        title="Rename",
        permission=saved_views.USE,
        form=NameForm,
        done="The view is renamed.",
    )
    delete = deletes(saved_views.delete_view, "view_id", saved_views.USE, explain="The list itself stays.", done="")

"""The console's page of the Langflow server."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest

from agents.langflow import connection
from agents.langflow.connection import MANAGE
from agents.langflow.models import FlowServer
from agents.llm import endpoints
from agents.llm.routes.forms import SeenForm
from console.base.actions import ServiceAction, service_action
from console.base.crud import calls, given
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.navigation import MODELS, SETTINGS, Nav
from console.templatetags.console_ui import chip
from console.viewers import viewer_of


class ServerForm(SeenForm):
    """Where Langflow is."""

    base_url = forms.CharField(
        label="Address", max_length=endpoints.URL_LIMIT, help_text="Such as https://langflow.example."
    )
    key = forms.CharField(
        label="Key",
        required=False,
        max_length=endpoints.KEY_LIMIT,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="From Langflow's settings. Encrypted and never shown again. Empty keeps the current key.",
    )


@admin.register(FlowServer)
class FlowServerAdmin(ServiceAdmin):
    """The organisation's Langflow server."""

    view_permission = MANAGE
    nav = Nav("Langflow", "bolt", SETTINGS, MODELS, order=40)
    intro = "The Langflow server whose flows can answer as agents. Choose a flow on an agent's page."
    empty_title = "No Langflow server"
    empty_text = "Connect one to let flows answer as agents."
    list_display = ("base_url", "kept", "to_erase", "standing")
    to_list = ("edit", "remove")  # a change may have replaced the server
    ordering = ("-is_active", "-created_at", "id")
    detail_fields = ("base_url", "key_state", "kept", "to_erase", "standing", "version", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[FlowServer]:
        """Read the sessions with the server; one that was disconnected stays until it has erased all."""
        rows: QuerySet[FlowServer] = super().get_queryset(request)
        waits = Count("sessions", filter=Q(sessions__erase_at__isnull=False))
        counted = rows.annotate(kept_sessions=Count("sessions"), waiting_sessions=waits)
        return counted.filter(Q(is_active=True) | Q(kept_sessions__gt=0))

    kept = Column[FlowServer]("Conversations kept there", lambda server: str(server.kept_sessions))  # type: ignore[attr-defined]
    to_erase = Column[FlowServer]("Waiting to be erased", lambda server: str(server.waiting_sessions))  # type: ignore[attr-defined]
    key_state = Column[FlowServer](
        "Key", lambda server: "Kept, encrypted" if server.__dict__.get("key") is not None else "None"
    )

    @admin.display(description="State")
    def standing(self, server: FlowServer) -> str:
        """Return whether agents use it."""
        if server.is_active:
            return chip("Connected", "good", "check")
        return chip("Disconnected, erasing", "warn", "clock")

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return why the action can't be used now."""
        if obj is None:
            taken = FlowServer.objects.filter(is_active=True).exists()
            return "A server is connected already. Change it on its page." if taken else ""
        return "" if obj.is_active else "This server was disconnected."

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Return the values a form starts with; never the key."""
        return {} if obj is None else {"base_url": obj.base_url, "version": obj.version}

    create = calls(connection.connect_server, permission=MANAGE, title="Connect Langflow",
                   form=ServerForm, submit="Connect", tone="primary",
                   explain="Customers' messages go there with placeholders for personal data.",
                   done="Langflow was connected. Test it, then choose a flow on an agent's page.")  # fmt: skip

    @service_action(title="Edit", permission=MANAGE, form=ServerForm, submit="Save", tone="primary",
                    explain="You can't approve what agents with flows ask for.")  # fmt: skip
    def edit(self, request: HttpRequest, obj: FlowServer, form: ServerForm) -> str:
        """Change the key or the address; it is the server that is connected, so none is named."""
        said, seen = given(form), form.cleaned_data["version"]
        connection.connect_server(actor=viewer_of(request), seen_version=seen, **said)
        return "Saved. After a change of the address, activate agents with flows again."

    test = calls(connection.check_server, "server_id", permission=MANAGE, title="Test",
                 explain="Asks Langflow whether it takes the key. No flow runs.",
                 done="Langflow answers and takes the key.")  # fmt: skip

    remove = calls(connection.disconnect_server, "server_id", permission=MANAGE, title="Disconnect",
                   form=SeenForm, tone="danger",
                   explain="What it keeps of conversations is erased there, then its key here.",
                   done="Langflow was disconnected.")  # fmt: skip

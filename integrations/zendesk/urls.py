"""The route at which Zendesk says that tickets have changed."""

from django.urls import path

from integrations.zendesk import hints

urlpatterns = [
    path("zendesk/<uuid:tenant_id>/<uuid:connection_id>/changes/", hints.take_hint, name="zendesk_changes"),
]

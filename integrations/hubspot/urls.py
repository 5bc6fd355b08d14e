"""The route at which HubSpot says that contacts have changed."""

from django.urls import path

from integrations.hubspot import hints

urlpatterns = [
    path("hubspot/<uuid:tenant_id>/<uuid:connection_id>/changes/", hints.take_hint, name="hubspot_changes"),
]

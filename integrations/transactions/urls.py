"""The route at which back offices say what has changed."""

from django.urls import path

from integrations.transactions import changes

urlpatterns = [
    path("back-office/<uuid:tenant_id>/<uuid:connection_id>/changes/", changes.take_change, name="back_office_changes"),
]

"""URLs of approve-by-email links."""

from django.urls import path

from hitl.decision_links import views

urlpatterns = [path("d/<str:token>/", views.decision_link, name="decision_link")]

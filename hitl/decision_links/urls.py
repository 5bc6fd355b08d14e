"""Addresses of approvals outside the console."""

from django.urls import path

from hitl.decision_links import views

urlpatterns = [path("d/<str:token>/", views.decision_link, name="decision_link")]

"""URLs of the daily brief outside the console."""

from django.urls import path

from analytics import views

urlpatterns = [path("briefs/unsubscribe/<str:token>/", views.unsubscribe, name="brief_unsubscribe")]

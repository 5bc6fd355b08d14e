"""Routes of the doors."""

from django.urls import path

from channels_app.webchat import views

urlpatterns = [
    path("widget/v1/session/", views.SessionView.as_view(), name="widget_session"),
    path("widget/v1/walker.js", views.script, name="widget_script"),
    path("chat/<str:key>/", views.hosted_page, name="hosted_chat"),
    path("chat/<str:key>/identity/", views.demo_identity, name="hosted_chat_identity"),
]

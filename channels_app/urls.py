"""Routes of the channels."""

from django.urls import path

from channels_app.email import inbound as email_inbound
from channels_app.own_app import inbound as app_inbound
from channels_app.webchat import views
from channels_app.whatsapp import inbound

urlpatterns = [
    path("widget/v1/session/", views.SessionView.as_view(), name="widget_session"),
    path("widget/v1/walker.js", views.script, name="widget_script"),
    path("channels/whatsapp/webhook/", inbound.webhook, name="whatsapp_webhook"),
    path("channels/whatsapp/status/<uuid:message_id>/", inbound.status, name="whatsapp_status"),
    path("channels/app/<str:key>/messages/", app_inbound.messages, name="app_messages"),
    path("channels/email/<str:key>/events/", email_inbound.events, name="email_events"),
    path("chat/<str:key>/", views.hosted_page, name="hosted_chat"),
    path("chat/<str:key>/identity/", views.demo_identity, name="hosted_chat_identity"),
]

"""Routes of the channels."""

from django.urls import path

from channels_app import file_links
from channels_app.approver_channels.slack import inbound as slack_inbound
from channels_app.email.sendgrid import inbound as email_inbound
from channels_app.email.sendgrid import mail_door
from channels_app.meta_whatsapp import inbound as cloud_inbound
from channels_app.own_app import inbound as app_inbound
from channels_app.surveys import views as survey_views
from channels_app.twilio import inbound
from channels_app.web_chat import files as webchat_files
from channels_app.web_chat import views

urlpatterns = [
    path("widget/v1/session/", views.SessionView.as_view(), name="widget_session"),
    path("widget/v1/walker.js", views.script, name="widget_script"),
    path("widget/v1/files/<uuid:attachment_id>/", webchat_files.FileView.as_view(), name="widget_file"),
    path("s/<str:token>/", survey_views.survey_page, name="survey"),
    path("channels/files/<str:token>/", file_links.channel_file, name="channel_file"),
    path("channels/whatsapp/webhook/", inbound.webhook, name="whatsapp_webhook"),
    path("channels/whatsapp/status/<uuid:message_id>/", inbound.status, name="whatsapp_status"),
    path("channels/whatsapp-cloud/<str:key>/webhook/", cloud_inbound.webhook, name="cloud_webhook"),
    path("channels/app/<str:key>/messages/", app_inbound.messages, name="app_messages"),
    path("channels/email/<str:key>/events/", email_inbound.events, name="email_events"),
    path("channels/slack/<str:key>/interactivity/", slack_inbound.interactivity, name="slack_interactivity"),
    path("channels/email/<str:secret>/inbound/", mail_door.inbound, name="email_inbound"),
    path("chat/<str:key>/", views.hosted_page, name="hosted_chat"),
    path("chat/<str:key>/identity/", views.demo_identity, name="hosted_chat_identity"),
]

"""Routes of the channels: each channel's own addresses, and those that belong to none."""

from django.urls import path

from channels_app import file_links
from channels_app.kit.channel import channels, doors_of
from channels_app.surveys import views as survey_views

urlpatterns = [
    path("s/<str:token>/", survey_views.survey_page, name="survey"),
    path("channels/files/<str:token>/", file_links.channel_file, name="channel_file"),
    # Two channels of one vendor may share a door.
    *(
        path(door.path, door.view, name=door.name)
        for door in dict.fromkeys(door for channel in channels() for door in doors_of(channel))
    ),
]

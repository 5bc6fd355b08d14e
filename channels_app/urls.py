"""Routes of the channels: each channel's own addresses, and those that belong to none."""

from django.urls import path

from channels_app import file_links
from channels_app.help_centre import views as help_views
from channels_app.kit.channel import channels, doors_of
from channels_app.surveys import views as survey_views

urlpatterns = [
    path("s/<str:token>/", survey_views.survey_page, name="survey"),
    path("channels/files/<str:token>/", file_links.channel_file, name="channel_file"),
    path("help/<str:key>/", help_views.home, name="help_home"),
    path("help/<str:key>/search/", help_views.search, name="help_search"),
    path("help/<str:key>/sitemap.xml", help_views.sitemap, name="help_sitemap"),
    path("help/<str:key>/feed.xml", help_views.feed, name="help_feed"),
    path("help/<str:key>/votes/<uuid:article_id>/", help_views.vote, name="help_vote"),
    path("help/<str:key>/articles/<uuid:article_id>/<slug:slug>/", help_views.article, name="help_article"),
    path("help/<str:key>/<str:language>/", help_views.home, name="help_language"),
    path("help/<str:key>/<str:language>/topics/<uuid:topic_id>/", help_views.topic, name="help_topic"),
    # Two channels of one vendor may share a door.
    *(
        path(door.path, door.view, name=door.name)
        for door in dict.fromkeys(door for channel in channels() for door in doors_of(channel))
    ),
]

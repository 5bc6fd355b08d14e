"""Pages that break while they have words of a person in their hands."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

from core.errors import Conflict


def raising(request: HttpRequest, name: str) -> HttpResponse:
    heard = {"name": name, "query": request.GET["q"], "said": request.POST.get("said")}
    raise ValueError(f"{heard} of {request.headers['User-Agent']}")


def doubled(request: HttpRequest, name: str) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("create temporary table talk (name text constraint talk_name_once unique) on commit drop")
        cursor.execute("insert into talk values (%s)", [name])
        try:
            cursor.execute("insert into talk values (%s)", [name])
        except Exception as problem:
            raise Conflict("Somebody was faster than jane.doe@example.com.") from problem
    return HttpResponse()


def refused(request: HttpRequest, name: str) -> HttpResponse:
    return HttpResponse(name, status=403)


urlpatterns = [
    path("people/<str:name>/", raising),
    path("twice/<str:name>/", doubled),
    path("refused/<str:name>/", refused),
]

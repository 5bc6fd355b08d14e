"""`/healthz`, `/readyz` and `/metrics`."""

import os
import secrets
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.log import log_response
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core.observability import health, ports
from core.observability.exposition import OF_PROCESS, serves_own
from core.observability.metrics import counters_as_text
from core.observability.stop import stopping


class HealthCollector(Collector):
    """Turns the gauges of `core.observability.health` into Prometheus metrics."""

    def collect(self) -> Iterator[Metric]:
        """Measure every gauge; leave out those whose source is down."""
        failed = 0
        families: dict[str, GaugeMetricFamily] = {}
        for gauge, value in health.read_gauges():
            if value is None:
                failed += 1
            elif gauge.label is None:
                yield GaugeMetricFamily(gauge.name, gauge.help, value)
            else:
                name, of = gauge.label
                family = families.setdefault(gauge.name, GaugeMetricFamily(gauge.name, gauge.help, labels=[name]))
                family.add_metric([of], value)
        yield from families.values()
        yield GaugeMetricFamily("walker_gauges_failed", "Gauges that could not be read.", failed)

    def describe(self) -> list[Metric]:
        """Return nothing: registering must not query the database."""
        return []


_seen: set[str] = set()
_INSTALLATION = CollectorRegistry()
_INSTALLATION.register(HealthCollector())


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer that this process is alive; checks nothing else."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when this process has what it needs, else 503.

    That is logged as an error only once it was ready. With the token in detail, and with the checks of other
    processes, which change nothing about the answer.
    """
    readings = health.run_checks()
    ready = all(reading.ok for reading in readings)
    body: dict[str, Any] = {"status": "ready" if ready else "not ready"}
    if _may_read_details(request):
        body["checks"], body["alerts"] = _in_detail(readings), _in_detail(health.run_alerts())
        body["gauges"] = {
            gauge.title: {
                "value": None if value is None else round(value, 1),
                "late": value is not None and gauge.late_above is not None and value > gauge.late_above,
            }
            for gauge, value in health.read_gauges()
        }
    response = JsonResponse(body, status=200 if ready else 503)
    if ready:
        health.keep_beat("web")
        _seen.add("ready")
    else:
        level = "error" if "ready" in _seen and not stopping.is_set() else "info"
        log_response("%s: %s", "Not ready", request.path, response=response, request=request, level=level)
    return response


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer in Prometheus text, to the bearer of `METRICS_TOKEN`; without one to everyone where that is open.

    What is served at a port is left out here, so that nobody counts it twice.
    """
    if not _may_read_details(request):
        if not settings.METRICS_TOKEN:
            return HttpResponse("Set METRICS_TOKEN to read metrics.\n", status=403, content_type="text/plain")
        challenge = {"WWW-Authenticate": "Bearer"}
        return HttpResponse("A token is needed.\n", status=401, content_type="text/plain", headers=challenge)
    text = generate_latest(_INSTALLATION)
    if not serves_own():
        text += generate_latest(OF_PROCESS)
        if not os.environ.get(ports.ELSEWHERE):
            text += counters_as_text()
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _in_detail(readings: list[health.Reading]) -> dict[str, Any]:
    return {
        reading.name: {"ok": reading.ok, **({"problem": reading.problem} if reading.problem else {})}
        for reading in readings
    }


def _may_read_details(request: HttpRequest) -> bool:
    token = settings.METRICS_TOKEN
    if not token:
        return bool(settings.METRICS_WITHOUT_TOKEN)
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and secrets.compare_digest(given.strip().encode(), token.encode())

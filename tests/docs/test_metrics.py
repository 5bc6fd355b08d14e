"""The page of metrics and the recording rules are compared with what processes count and measure."""

import re
from pathlib import Path

import pytest
import yaml
from django.urls import get_resolver
from prometheus_client import Counter, Histogram

from core.observability import exposition, health, metrics

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "metrics.md").read_text()
ROW = re.compile(r"^\| `(walker_\w+)` \| (counter|histogram|gauge) \| (.*?)\s*\| .+ \|$", re.MULTILINE)
OF_METRIC = re.compile(r"\bwalker_\w+")
LABELS = re.compile(r"by \(([^)]+)\)")
ENDS = ("_bucket", "_sum", "_count")

Row = tuple[str, frozenset[str]]


class Pool:
    """The numbers of a pool, as psycopg says them."""

    def get_stats(self) -> dict[str, int]:
        return {"pool_size": 4, "pool_available": 3, "requests_waiting": 0}


def listed() -> dict[str, Row]:
    return {name: (kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in ROW.findall(PAGE)}


def counted() -> dict[str, Row]:
    """Return what the product's modules have registered."""
    found: dict[str, Row] = {}
    for one in metrics.REGISTRY._collector_to_names:
        assert isinstance(one, Counter | Histogram)
        end = "_total" if isinstance(one, Counter) else ""
        found[f"{one._name}{end}"] = (one._type, frozenset(one._labelnames))
    return found


def measured() -> dict[str, Row]:
    found: dict[str, Row] = {"walker_gauges_failed": ("gauge", frozenset())}
    for gauge in health._gauges.values():
        found[gauge.name] = ("gauge", frozenset() if gauge.label is None else frozenset({gauge.label[0]}))
    for family in exposition.ProcessGauges().collect():
        found[family.name] = ("gauge", frozenset(getattr(family, "_labelnames", ())))
    return found


def test_every_metric_is_on_its_page_with_its_type_and_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    get_resolver().url_patterns  # noqa: B018  (loads every view, some of which count)
    monkeypatch.setattr(exposition, "find_pool", Pool)
    said = listed()
    assert len(said) == len(ROW.findall(PAGE))
    assert {**counted(), **measured()} == said


def test_buckets_are_on_the_page() -> None:
    (text,) = re.findall(r"^Buckets, in seconds: (.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    for one in metrics.REGISTRY._collector_to_names:
        if isinstance(one, Histogram):
            assert ", ".join(f"{bound:g}" for bound in one._upper_bounds[:-1]) in text.replace("\n", " ")


def test_every_label_is_explained() -> None:
    explained = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGE, re.MULTILINE))))
    assert {label for _, labels in listed().values() for label in labels} <= explained


def test_recording_rules_are_on_the_page_and_read_metrics_that_exist() -> None:
    plan = yaml.safe_load((ROOT / "deploy" / "prometheus" / "walker.rules.yaml").read_text())
    rules = [rule for group in plan["groups"] for rule in group["rules"]]
    rows = re.findall(r"^\| (`walker:.*?) \| (.*?)\s*\| .+ \|$", PAGE, re.MULTILINE)
    said = {
        name: set(re.findall(r"`(\w+)`", labels)) for names, labels in rows for name in re.findall(r"`([\w:]+)`", names)
    }
    assert said.keys() == {rule["record"] for rule in rules}
    known = listed()
    names = {f"{name}{end}" for name, (kind, _) in known.items() for end in (ENDS if kind == "histogram" else ("",))}
    for rule in rules:
        text = rule["expr"]
        assert {name for name in OF_METRIC.findall(text) if name not in names} == set(), rule["record"]
        assert text.count("(") == text.count(")"), rule["record"]
        kept = {label for found in LABELS.findall(text) for label in found.replace(" ", "").split(",")} - {"le"}
        assert kept == said[rule["record"]], rule["record"]
        if rule["record"].startswith("walker:http_") and not kept:
            assert text.count("walker_http_") == text.count('route!~"healthz|readyz|metrics"'), rule["record"]
        of = {name.removesuffix(end) for name in OF_METRIC.findall(text) for end in ENDS if name.endswith(end)}
        for bound in re.findall(r'le="([\d.]+)"', text):
            assert all(float(bound) in _bounds(name) and bound == str(float(bound)) for name in of)


def _bounds(name: str) -> list[float]:
    (found,) = [one for one in metrics.REGISTRY._collector_to_names if getattr(one, "_name", "") == name]
    assert isinstance(found, Histogram)
    return list(found._upper_bounds)

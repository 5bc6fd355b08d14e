"""Where each process counts, and where it serves that. Read before anything is installed: standard library only."""

from typing import Final

USUAL: Final = {"web": 9200, "worker": 9201, "models": 9202, "webhooks": 9203, "beat": 9204}
"""Ports by process, where `walker serve NAME --metrics-port` names no number."""
SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder into which processes count; Prometheus' library reads it too."""
AT: Final = "WALKER_METRICS_AT"
"""The variable by which a process knows that it serves its metrics itself, as "host port"."""
ELSEWHERE: Final = "WALKER_METRICS_ELSEWHERE"
"""The variable by which it knows that the supervisor serves what all of its children count."""

"""Where each process serves its metrics where `walker serve NAME --metrics-port` names no number."""

from typing import Final

USUAL: Final = {"web": 9200, "worker": 9201, "models": 9202, "webhooks": 9203, "beat": 9204}
AT: Final = "WALKER_METRICS_AT"
"""The variable by which a process knows that it serves its metrics itself, as "host port"."""
ELSEWHERE: Final = "WALKER_METRICS_ELSEWHERE"
"""The variable by which it knows that the supervisor serves what all of its children count."""

"""What Langflow answers, and why it did not."""

from dataclasses import dataclass
from typing import Final

UNREACHABLE: Final = "flow_unreachable"
ADDRESS_REFUSED: Final = "flow_address_refused"
KEY_REFUSED: Final = "flow_key_refused"
MISSING: Final = "flow_missing"
BUSY: Final = "flow_busy"
REJECTED: Final = "flow_rejected"
FAILED: Final = "flow_failed"
PAUSES: Final = "flow_pauses"
TOO_SLOW: Final = "flow_too_slow"
TOO_LARGE: Final = "flow_answer_too_large"
CUT: Final = "flow_cut"
UNREADABLE: Final = "flow_unreadable"
INPUT_DROPPED: Final = "flow_input_dropped"
OTHER_SESSION: Final = "flow_other_session"
EMPTY: Final = "flow_empty"
CHANGED: Final = "flow_changed"
NOT_CONNECTED: Final = "flow_not_connected"

SENTENCES: Final = {
    UNREACHABLE: "Langflow can't be reached. Check its address, and that it runs.",
    ADDRESS_REFUSED: "This address isn't public. The operator can allow it in MODEL_HOSTS.",
    KEY_REFUSED: "Langflow refused the key. Create one in Langflow under Settings, API keys.",
    MISSING: "Langflow has no flow with this id.",
    BUSY: "Langflow is overloaded. Try again in a minute.",
    REJECTED: "Langflow refused the request. Check that the server is a Langflow of version 1.13 or newer.",
    FAILED: "The flow failed. Run it in Langflow's playground to see why.",
    PAUSES: "This flow waits for a person inside Langflow. Leave that out: Walker asks people for approval.",
    TOO_SLOW: "Langflow took too long.",
    TOO_LARGE: "Langflow's answer is too large.",
    UNREADABLE: "What answered at this address is not Langflow.",
    CHANGED: "The flow was changed in Langflow. Review it, then activate the agent again.",
    NOT_CONNECTED: "No Langflow server is connected. Connect one first.",
}


class FlowFailed(Exception):
    """A flow did not answer; `code` is short, stable and free of personal data."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class FlowDefinition:
    """A flow as it is in Langflow now: its name, and the digest of what it does."""

    id: str
    name: str
    digest: str
    pauses: bool = False


@dataclass(frozen=True, slots=True)
class FlowAnswer:
    """A whole answer of a flow; tokens are zero where Langflow reports none."""

    text: str
    input_tokens: int = 0
    output_tokens: int = 0

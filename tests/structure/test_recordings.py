"""Every recording of the vendors whose clients are here is played by a test."""

from tests.channels_app.twilio import test_recorded, test_signatures
from tests.integrations import test_recorded_calls, test_recorded_slack
from tests.recordings import FOLDER, names

# Of other vendors nothing is connected yet, so there is nothing to play their recordings to.
VENDORS = ("twilio", "sendgrid", "slack")


def test_every_recording_is_played() -> None:
    played = test_recorded.USED | test_recorded_calls.USED | test_recorded_slack.USED | test_signatures.USED
    there = {name for vendor in VENDORS for name in names(vendor)}
    assert played == there | {"signature-vectors.json"}


def test_recordings_of_our_own_folder_are_of_these_vendors_only() -> None:
    assert "recorded" not in FOLDER.name or {path.name for path in FOLDER.iterdir()} == {
        *VENDORS, "signature-vectors.json",
    }  # fmt: skip

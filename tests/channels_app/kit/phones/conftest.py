"""Acme's number at Twilio, for the tests of this folder."""

from tests.channels_app.twilio.conftest import _quiet, door, open_door  # noqa: F401  (fixtures)

"""What every channel shares."""

from channels_app.kit.channel import Alarm, Channel, Door, Source, Verify, Without, register

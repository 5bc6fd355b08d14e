"""Whether this process was asked to stop: the web server sets it, requests read it."""

import threading
from typing import Final

stopping: Final = threading.Event()

"""Whether this process was asked to stop. Read by requests, and set by the web server, which loads before Django."""

import threading
from typing import Final

stopping: Final = threading.Event()

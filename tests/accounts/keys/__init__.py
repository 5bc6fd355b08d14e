"""Security keys: in software, and in a browser with a virtual one."""

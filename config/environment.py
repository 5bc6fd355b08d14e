"""The environment that settings are read from."""

import environ
from environ.fileaware_mapping import FileAwareMapping


class _Given(FileAwareMapping):
    """The environment, and the files that its variables name.

    The line break that editors put at the end of a file is left out.
    """

    def __getitem__(self, key: str) -> str:
        value: str = super().__getitem__(key)
        return value.strip() if self.env.get(f"{key}_FILE") else value


env = environ.FileAwareEnv()
env.ENVIRON = _Given()

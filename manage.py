#!/usr/bin/env python3
"""Django's command line, with the environment of the installation in this checkout."""

import sys
from pathlib import Path


def main() -> int:
    """Run one command."""
    from config.launcher import env  # noqa: PLC0415
    from config.launcher.faults import StartError  # noqa: PLC0415
    from core.observability.garbage_collector import tune_for_startup  # noqa: PLC0415

    tune_for_startup()
    try:
        env.load()
        try:
            from django.core.management import execute_from_command_line  # noqa: PLC0415
        except ImportError:
            python = Path(__file__).resolve().parent / ".venv" / "bin" / "python"
            print(f"manage.py: run it as `./walker manage ...` or with {python}", file=sys.stderr)  # noqa: T201
            return 1
        execute_from_command_line(sys.argv)
    except StartError as problem:  # the settings raise it as well
        print(f"manage.py: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

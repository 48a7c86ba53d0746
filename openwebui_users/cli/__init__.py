"""The command line `openwebui-users`; `python -m openwebui_users` is the same."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command of sys.argv and end the process with its exit code."""
    try:
        import typer  # noqa: F401
    except ImportError:
        print(
            "error: the command line needs libraries that are not installed: "
            "pip install 'openwebui_users[cli]'",
            file=sys.stderr,
        )
        sys.exit(1)
    from ._main import run

    sys.exit(run(sys.argv[1:]))

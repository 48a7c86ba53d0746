"""The command line `openwebui-users`; `python -m openwebui_users` is the same."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command of sys.argv and end the process with its exit code."""
    try:
        sys.exit(_main())
    except KeyboardInterrupt:  # while modules were imported, or at the very end
        print("interrupted", file=sys.stderr)
        sys.exit(130)


def _main() -> int:
    try:
        import typer  # noqa: F401
    except ImportError:
        print(
            "error: the command line needs libraries that are not installed: "
            "pip install 'openwebui_users[cli]'",
            file=sys.stderr,
        )
        return 1
    from ._main import run

    return run(sys.argv[1:])

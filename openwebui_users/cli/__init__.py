"""The command line `openwebui-users`; `python -m openwebui_users` is the same."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command of sys.argv and end the process with its exit code."""
    try:
        code = _main()
    except KeyboardInterrupt:  # while modules were imported
        print("interrupted", file=sys.stderr)
        code = 130
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: a late Ctrl-C has nothing to stop
    sys.exit(code)


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

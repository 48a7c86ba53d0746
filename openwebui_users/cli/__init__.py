"""The command line `openwebui-users`; `python -m openwebui_users` is the same."""

from __future__ import annotations

import os
import sys

_MOST_DIGITS = 100_000  # of an integer; as many as the core reads as one


def main() -> None:
    """Run the command of sys.argv and end the process with its exit code."""
    try:
        import signal

        if hasattr(sys, "set_int_max_str_digits"):  # the server's integers may be longer
            sys.set_int_max_str_digits(_MOST_DIGITS)
        code = _main()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a late Ctrl-C has nothing to stop
    except KeyboardInterrupt:  # outside the command, which handles Ctrl-C itself
        _end()
    sys.exit(code)


def _end(*_: object) -> None:
    """End the process at once after Ctrl-C: nothing was begun, or everything is done."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(130)


def _main() -> int:
    import signal

    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_ours:  # an import that is cut off would show a traceback, or take it for another error
        signal.signal(signal.SIGINT, _end)
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

    if is_ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return run(sys.argv[1:])

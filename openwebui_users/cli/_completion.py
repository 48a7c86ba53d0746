"""completion: the script with which a shell completes this program's command lines."""

from typing import Annotated

import typer

from ._command import Cli, alone
from ._failures import CommandError

_SHELLS = ("bash", "zsh", "fish")


def completion(
    _: Cli,
    shell: Annotated[
        str,
        typer.Argument(
            metavar="SHELL", help="bash, zsh or fish.", autocompletion=lambda: list(_SHELLS)
        ),
    ],
) -> None:
    """Print the script with which a shell completes command lines.

    For bash: eval "$(openwebui-users completion bash)" in ~/.bashrc.
    """
    from typer import completion as shells

    from ._main import COMPLETE_VARIABLE, NAME

    if shell not in _SHELLS:
        raise CommandError(f"SHELL must be one of {', '.join(_SHELLS)}, got {shell!r}")
    script = shells.get_completion_script(  # type: ignore[attr-defined, unused-ignore]
        prog_name=NAME, complete_var=COMPLETE_VARIABLE, shell=shell
    )
    print(script)


COMMANDS = {"completion": alone("completion", completion, rich_help_panel="This program")}

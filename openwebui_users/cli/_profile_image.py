"""profile image: save a user's picture to a file."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ._command import CONNECTION, Cli, command, group
from ._failures import CommandError
from ._users import User

_SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/svg+xml": ".svg",
}


def image(
    cli: Cli,
    user: User,
    output_file: Annotated[
        str | None,
        typer.Option(
            "--output-file",
            "-o",
            metavar="FILE",
            help="File to write to; - for standard output. A name without a suffix gets the suffix "
            "of the picture. Default: the user's id.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Save a user's profile image."""
    from openwebui_users.admin._files import replacing

    if output_file == "-" and sys.stdout.isatty():
        raise CommandError("a picture is not for a terminal: give --output-file FILE")
    user_id = cli.resolve([user])[0].id
    raw = cli.client.with_raw_response.get_user_profile_image_by_id(user_id).raise_for_status()
    if output_file == "-":
        sys.stdout.buffer.write(raw.content)
        return
    name = "".join(one if one.isalnum() or one in "-_" else "_" for one in user_id)
    path = Path(output_file or name)
    kind = raw.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not path.suffix:
        path = path.with_name(path.name + _SUFFIXES.get(kind, ".bin"))
    if path.exists() and not force:
        raise CommandError(f"there is {path} already: give --force to replace it")
    with replacing(path, new_mode=0o644, binary=True) as file:
        file.write(raw.content)
    cli.note(f"the picture is in {path}")


_profile = group("profile", "Profiles of users.", rich_help_panel="Users")
command(_profile, "image", image, CONNECTION)
COMMANDS = {"profile": _profile}

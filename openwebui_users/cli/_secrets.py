"""Secrets by reference: where a key or password is, so that no command line or profile holds it."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

from ._failures import CommandError

KINDS = ("env:NAME", "file:PATH", "command:COMMAND", "keyring:SERVICE/USER")
_COMMAND_LIMIT = 60.0  # seconds that a command may take


def is_reference(text: str) -> bool:
    """Whether a text is one of the KINDS."""
    kind, colon, rest = text.partition(":")
    return bool(colon and rest) and any(one.startswith(f"{kind}:") for one in KINDS)


def look_up(reference: str, what: str, folder: Path) -> str:
    """The secret that a reference stands for.

    Args:
        reference: one of the KINDS.
        what: what it is, in messages.
        folder: what a relative path is relative to.

    Raises:
        CommandError: there is no such secret. No text of it holds what may be a secret.
    """
    kind, _, rest = reference.partition(":")
    if not is_reference(reference):
        raise CommandError(f"{what} must be a reference, one of {', '.join(KINDS)}, not the secret")
    try:
        found = _READERS[kind](rest, folder)
    except CommandError:
        raise
    except OSError as error:
        raise CommandError(f"{what}: {rest} cannot be read: {error.strerror}") from None
    found = found.rstrip("\r\n")
    if not found:
        raise CommandError(f"{what}: {reference} is empty")
    return found


def _of_environment(name: str, _: Path) -> str:
    found = os.environ.get(name)
    if found is None:
        raise CommandError(f"the environment has no {name}")
    return found


def _of_file(path: str, folder: Path) -> str:
    try:
        return (folder / Path(path).expanduser()).read_text("utf-8-sig")
    except (UnicodeDecodeError, RuntimeError):
        raise CommandError(f"{path} is no file with a secret in UTF-8") from None


def _of_command(command: str, folder: Path) -> str:
    import subprocess

    try:
        done = subprocess.run(
            shlex.split(command),
            stdin=subprocess.DEVNULL,  # ours may be a table, or a password
            stdout=subprocess.PIPE,
            cwd=folder,
            timeout=_COMMAND_LIMIT,
            check=False,
        )
    except (ValueError, subprocess.TimeoutExpired):
        raise CommandError(
            f"the command for the secret is none, or took more than {_COMMAND_LIMIT:g} seconds"
        ) from None
    if done.returncode != 0:
        raise CommandError(f"the command for the secret failed with exit code {done.returncode}")
    return done.stdout.decode(errors="replace")


def _of_keyring(name: str, _: Path) -> str:
    service, slash, user = name.rpartition("/")
    if not slash:
        raise CommandError(f"keyring:{name} must be keyring:SERVICE/USER")
    keyring = keyring_of()
    try:
        found = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise CommandError(f"the keyring does not give {service}/{user}: {error}") from None
    if found is None:
        raise CommandError(f"the keyring has nothing under {service}/{user}")
    return str(found)


def keep_in_keyring(service: str, user: str, secret: str) -> str:
    """Put a secret into the keyring; the reference to it."""
    keyring = keyring_of()
    try:
        keyring.set_password(service, user, secret)
    except keyring.errors.KeyringError as error:
        raise CommandError(f"the keyring does not take {service}/{user}: {error}") from None
    return f"keyring:{service}/{user}"


def keyring_of() -> Any:
    """The module keyring."""
    try:
        import keyring  # type: ignore[import-not-found, unused-ignore]
        import keyring.errors  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise CommandError(
            "the keyring needs a library that is not installed: pip install keyring"
        ) from None
    return keyring


_READERS = {
    "env": _of_environment,
    "file": _of_file,
    "command": _of_command,
    "keyring": _of_keyring,
}


def read_input(what: str) -> str:
    """A secret from standard input: its first line, or what is typed, unseen, at a terminal."""
    if sys.stdin.isatty():
        import getpass

        found = getpass.getpass(f"{what}: ", stream=sys.stderr)
    else:
        found = sys.stdin.readline()
    found = found.rstrip("\r\n")
    if not found:
        raise CommandError(f"standard input has no {what.lower()}")
    return found

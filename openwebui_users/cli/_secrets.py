"""References to secrets: they say where a key is, so that no command line or profile holds it."""

from __future__ import annotations

import os
import select
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from ._failures import CommandError

KINDS = ("env:NAME", "file:PATH", "command:COMMAND", "keyring:SERVICE/USER")
_LIMIT = 60.0  # seconds that a command, or the writer of a pipe, may take
_LONGEST = 8192  # bytes of a secret


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
        CommandError: there is no such secret. What follows the kind is in no text: it may be the
            secret itself, in the wrong place.
    """
    kind, _, rest = reference.partition(":")
    if not is_reference(reference):
        raise CommandError(f"{what} must be a reference, one of {', '.join(KINDS)}, not the secret")
    try:
        found = _READERS[kind](rest, folder)
    except CommandError as error:
        raise CommandError(f"{what}: {error}") from None
    except OSError as error:
        raise CommandError(f"{what}: the {kind} gives none: {error.strerror}") from None
    except ValueError:  # a NUL in a path, an argument or a name
        raise CommandError(f"{what}: the {kind} is none") from None
    found = found.rstrip("\r\n")
    if not found:
        raise CommandError(f"{what}: the {kind} is empty")
    if len(found.encode(errors="replace")) > _LONGEST:
        raise CommandError(f"{what}: {_too_long(kind)}")
    return found


def _too_long(kind: str) -> str:
    return f"the {kind} has more than {_LONGEST} bytes, which is no secret"


def _of_environment(name: str, _: Path) -> str:
    found = os.environ.get(name)
    if found is None:
        raise CommandError("there is no such variable in the environment (env:NAME)")
    return found


def _of_file(path: str, folder: Path) -> str:
    try:
        full = folder / Path(path).expanduser()
    except RuntimeError:
        raise CommandError("the file is below the home of nobody known") from None
    # a pipe that nobody writes to must not hold us
    descriptor = os.open(full, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        return _read(descriptor, "file", time.monotonic() + _LIMIT).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CommandError("the file has no secret in UTF-8") from None
    finally:
        os.close(descriptor)


def _read(descriptor: int, kind: str, end: float) -> bytes:
    """Everything that can be read, if it is not too long and does not take too long."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    found = b""
    while len(found) <= _LONGEST:
        if not poll.poll(max(end - time.monotonic(), 0) * 1000):
            raise CommandError(f"the {kind} gave nothing whole in {_LIMIT:g} seconds")
        data = os.read(descriptor, _LONGEST + 1)
        if not data:
            return found
        found += data
    raise CommandError(_too_long(kind))


def _of_command(command: str, folder: Path) -> str:
    import subprocess

    try:
        arguments = shlex.split(command)
    except ValueError:
        arguments = []
    if not arguments:
        raise CommandError("the command is none")
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,  # ours may be a table, or a password
        stdout=subprocess.PIPE,
        cwd=folder,
        bufsize=0,
    )
    assert process.stdout is not None
    end = time.monotonic() + _LIMIT
    try:
        found = _read(process.stdout.fileno(), "command", end)
        code = process.wait(max(end - time.monotonic(), 0.001))
    except subprocess.TimeoutExpired:
        raise CommandError(f"the command did not end in {_LIMIT:g} seconds") from None
    finally:
        process.stdout.close()
        if process.poll() is None:
            process.kill()
            process.wait()
    if code != 0:
        raise CommandError(f"the command failed with exit code {code}")
    return found.decode(errors="replace")


def _of_keyring(name: str, _: Path) -> str:
    service, slash, user = name.rpartition("/")
    if not slash:
        raise CommandError("the keyring's must be keyring:SERVICE/USER")
    keyring = keyring_of()
    try:
        found = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise CommandError(f"the keyring does not give it ({type(error).__name__})") from None
    if found is None:
        raise CommandError("the keyring has nothing under these names")
    return str(found)


def check_keyring(service: str, user: str) -> None:
    """Refuse a keyring that does not exist or is locked."""
    keyring = keyring_of()
    try:
        keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise CommandError(f"the keyring cannot be used: {error}") from None


def keep_in_keyring(service: str, user: str, secret: str) -> str:
    """Store a secret in the keyring; the reference to it."""
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
    """A secret: the first line of standard input, or hidden input at a terminal."""
    if sys.stdin.isatty():
        import getpass

        found = getpass.getpass(f"{what}: ", stream=sys.stderr)
    else:
        found = sys.stdin.readline(_LONGEST + 3)  # with the end of the line
    found = found.rstrip("\r\n")
    if not found:
        raise CommandError(f"standard input has no {what.lower()}")
    if len(found.encode(errors="replace")) > _LONGEST:
        raise CommandError(f"standard input: {_too_long(what)}")
    return found

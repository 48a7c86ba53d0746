"""Profiles: servers by name, in ~/.config/openwebui-users/config.toml."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._failures import CommandError
from ._secrets import KINDS, is_reference

DEFAULT_NAME = "default"
_LONGEST_WAIT = 30.0  # seconds for another process that changes the configuration
_KEYS = {"url": str, "api_key": str, "ca_file": str, "timeout": (int, float), "verify": bool}


@dataclass(frozen=True)
class Profile:
    """One server.

    Attributes:
        name: name of the profile.
        url: base URL.
        api_key: reference to the key, as _secrets takes it; None: there is none.
        options: options of the client: ca_file, timeout, verify.
    """

    name: str
    url: str
    api_key: str | None
    options: dict[str, Any]


def config_path() -> Path:
    """The file with the profiles.

    Raises:
        CommandError: there is no home folder.
    """
    path = _path_if_any()
    if path is None:
        raise CommandError(
            "there is no home folder for a configuration: set HOME or XDG_CONFIG_HOME"
        )
    return path


def _path_if_any() -> Path | None:
    """The file with the profiles; None: there is no home folder, as in some containers."""
    home = os.environ.get("XDG_CONFIG_HOME")
    try:
        folder = Path(home) if home else Path.home() / ".config"
    except RuntimeError:
        return None
    return folder / "openwebui-users" / "config.toml"


def _read() -> dict[str, Any]:
    path = _path_if_any()
    if path is None:
        return {}
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from None
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # type: ignore[import-not-found, unused-ignore, no-redef]
    try:
        found: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CommandError(f"{path} is not TOML: {error}") from None
    return found


def find(name: str | None) -> Profile | None:
    """The profile with this name; without a name, the default profile if there is one.

    Raises:
        CommandError: there is no profile with this name, or it is invalid.
    """
    config = _read()
    profiles = config.get("profiles", {})
    chosen = name or config.get("default", DEFAULT_NAME)
    if not isinstance(profiles, dict) or not isinstance(chosen, str):
        raise CommandError(f"{config_path()}: profiles must be tables, and default a name")
    if chosen not in profiles:
        if name is None and "default" not in config:
            return None
        known = ", ".join(profiles) or "none"
        raise CommandError(f"there is no profile {chosen!r} in {config_path()}; there are: {known}")
    return _checked(chosen, profiles[chosen])


def _checked(name: str, given: Any) -> Profile:
    place = f"{config_path()}: profile {name!r}"
    if not isinstance(given, dict):
        raise CommandError(f"{place} must be a table")
    for key, value in given.items():
        if key not in _KEYS:
            raise CommandError(f"{place} has the unknown key {key!r}; known are {', '.join(_KEYS)}")
        if not isinstance(value, _KEYS[key]) or (isinstance(value, bool) != (key == "verify")):  # type: ignore[arg-type]
            raise CommandError(f"{place}: {key} has a value of the wrong type")
    if "url" not in given:
        raise CommandError(f"{place} has no url")
    api_key = given.get("api_key")
    if api_key is not None and not is_reference(api_key):
        raise CommandError(
            f"{place}: api_key must be a reference, one of {', '.join(KINDS)}, not the key itself"
        )
    options = {key: given[key] for key in ("ca_file", "timeout", "verify") if key in given}
    if "ca_file" in options:
        try:
            options["ca_file"] = str(config_path().parent / Path(options["ca_file"]).expanduser())
        except RuntimeError:
            raise CommandError(f"{place}: the ca_file is below the home of nobody known") from None
    return Profile(name, given["url"], api_key, options)


def check() -> None:
    """Refuse a configuration that save() could not add to.

    Raises:
        CommandError: there is no place for the file, or the file is invalid.
    """
    path = config_path()
    if not isinstance(_read().get("profiles", {}), dict):
        raise CommandError(f"{path}: profiles must be tables")


@contextmanager
def locked() -> Iterator[None]:
    """Prevent other processes from changing the configuration and the keys beside it.

    Raises:
        CommandError: another process has held the lock for too long.
        OSError: the folder cannot be made or written to.
    """
    path = config_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    descriptor = os.open(path.with_name(f".{path.name}.lock"), flags, 0o600)
    try:
        end = time.monotonic() + _LONGEST_WAIT
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise CommandError(f"{path} is in use by another login: try again") from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def save(profile: Profile) -> None:
    """Add or replace a profile; the first one becomes the default. Comments stay.

    Call it within locked().

    Raises:
        CommandError: the existing file cannot be read.
    """
    import tomlkit

    from openwebui_users.admin._files import replacing

    config = _read()
    path = config_path()
    document = tomlkit.parse(path.read_text("utf-8-sig") if path.exists() else "")
    if not config.get("profiles"):
        document["default"] = profile.name
    entry = {"url": profile.url, "api_key": profile.api_key, **profile.options}
    profiles = document.setdefault("profiles", tomlkit.table(is_super_table=True))
    profiles[profile.name] = {key: value for key, value in entry.items() if value is not None}
    with replacing(path, encoding="utf-8", newline="") as file:
        file.write(tomlkit.dumps(document))

"""Compile the core again when it is imported from a checkout with newer sources.

An editable installation (pip install -e) holds this file as _openwebui_users_rebuild.py, and a .pth
file that calls install(); no other installation does. OWU_NO_REBUILD=1 switches it off.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # as typing has it: every start of Python in the venv passes here
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MODULE = "_openwebui_users_rebuild"


def sources(root: str) -> Iterator[str]:
    """What the core is compiled from."""
    yield os.path.join(root, "setup.py")
    for folder in ("core", "python"):
        with os.scandir(os.path.join(root, "csrc", folder)) as entries:
            yield from (entry.path for entry in entries if entry.name.endswith((".c", ".h")))


def core_of(root: str) -> str:
    """The core that was compiled for this Python, if it was."""
    from importlib.machinery import EXTENSION_SUFFIXES

    return os.path.join(root, "openwebui_users", "_core" + EXTENSION_SUFFIXES[0])


def newer_source(root: str) -> str | None:
    """A source that was changed after the core was compiled, if there is one."""
    core = core_of(root)
    built = os.stat(core).st_mtime if os.path.exists(core) else 0.0
    return next((path for path in sources(root) if os.stat(path).st_mtime > built), None)


def obstacle(root: str) -> str | None:
    """Why the core cannot be compiled by this process, if so."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        new_enough = int(version("setuptools").partition(".")[0]) >= 77
    except (PackageNotFoundError, ValueError):
        new_enough = False
    if not new_enough:  # it has to read our pyproject.toml
        return f"setuptools 77 or newer is not there to compile it: pip install -e {root}"
    build = os.path.join(root, "build")
    for folder in (os.path.join(root, "openwebui_users"), build if os.path.exists(build) else root):
        if not os.access(folder, os.W_OK):
            return f"{folder} cannot be written"
    return None


def rebuild(root: str) -> None:
    """Compile; setup.py sees to it that one process does."""
    import subprocess

    if sys.stderr is not None and sys.stderr.isatty():
        print("openwebui_users: the sources have changed, compiling", file=sys.stderr)
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
        cwd=root,
        env={**os.environ, "OWU_NO_REBUILD": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ImportError(
            f"the sources of openwebui_users in {root} have changed, and do not compile:\n"
            f"{done.stderr}{done.stdout}"
        )


class Finder:
    """Finds nothing: it is asked before the core is looked for, and looks after it then."""

    def __init__(self, root: str) -> None:
        self.root = root

    def find_spec(self, name: str, path: Sequence[str] | None = None, _: object = None) -> None:
        """Called for every import."""
        if name != "openwebui_users._core":
            return
        if os.environ.get("OWU_NO_REBUILD", "") not in ("", "0"):
            return
        package = os.path.join(self.root, "openwebui_users")
        if not path or os.path.realpath(next(iter(path))) != os.path.realpath(package):
            return  # another copy, which is not ours to build
        try:
            changed = newer_source(self.root)
        except OSError:  # the sources are gone
            return
        if changed is None:
            return
        hindrance = obstacle(self.root)
        if hindrance is None:
            rebuild(self.root)
        elif os.path.exists(core_of(self.root)):
            import warnings

            warnings.warn(
                f"the core of openwebui_users is older than {changed}, and {hindrance}",
                RuntimeWarning,
                stacklevel=2,
            )
        else:
            raise ImportError(f"openwebui_users has no core for this Python, and {hindrance}")


def install(root: str) -> None:
    """Called by the .pth file when Python starts."""
    if os.path.isdir(os.path.join(root, "csrc")):
        sys.meta_path.insert(0, Finder(root))


def add_to_wheel(wheel: Path, root: Path) -> None:
    """Put this file and the .pth file into an editable wheel."""
    import base64
    import hashlib
    import zipfile

    with open(__file__, encoding="utf-8") as file:
        text = file.read()
    added = {
        f"{MODULE}.py": text,
        f"{MODULE}.pth": f"import {MODULE}; {MODULE}.install({str(root)!r})\n",
    }
    with zipfile.ZipFile(wheel) as archive:
        entries = [(info, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        lines = ""
        for name, text in added.items():
            data = text.encode()
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines += f"{name},sha256={digest},{len(data)}\n"
            archive.writestr(name, data)
        for info, data in entries:
            is_record = info.filename.endswith(".dist-info/RECORD")
            archive.writestr(info, lines.encode() + data if is_record else data)

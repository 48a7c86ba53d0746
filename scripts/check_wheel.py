"""Show what a wheel holds and needs, and fail if something is wrong.

check_wheel.py WHEEL checks that the extension exports one symbol, that a bill of materials lists
the bundled libraries, and that the license is there. It names libraries that auditwheel copied but
did not list.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path


class Fault(Exception):
    """Something that a wheel must not be."""


def listed(*command: str) -> list[list[str]]:
    """What a program lists, in words."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split() for line in done.stdout.splitlines()]


def extension_facts(extension: str) -> tuple[list[str], list[str]]:
    """The symbols that an ELF file shows, and the libraries that it needs."""
    shown = [words[-1] for words in listed("nm", "-D", "--defined-only", extension)]
    dynamic = listed("readelf", "-d", extension)
    return shown, [words[-1].strip("[]") for words in dynamic if "(NEEDED)" in words]


def bundled(names: list[str], read: zipfile.ZipFile) -> list[dict[str, str]]:
    """What the bills of materials list, without what they are about."""
    found = []
    for name in names:
        if ".dist-info/sboms/" in name and name.endswith(".json"):
            bill = json.loads(read.read(name))
            found += [
                part
                for part in bill.get("components", [])
                if part["name"] not in ("openwebui-users", "openwebui_users")
            ]
    return found


def unlisted(copied: list[str], parts: list[dict[str, str]]) -> list[str]:
    """The copied libraries of which auditwheel's bill knows no package.

    It lists a file by the SHA-256 of the path that it was copied from; a digest stands in the name
    of the copy too.
    """
    listed = {part.get("bom-ref", "").partition("#")[2] for part in parts}
    system = [f"lib/{sysconfig.get_config_var('MULTIARCH')}", "lib64", "lib"]
    folders = [f"{root}/{folder}" for folder in system for root in ("/usr", "")]
    missing = []
    for name in copied:
        original = re.sub(r"-[0-9a-f]{8}\.", ".", Path(name).name, count=1)
        paths = (f"{folder}/{original}" for folder in folders)
        if listed.isdisjoint(hashlib.sha256(path.encode()).hexdigest() for path in paths):
            missing.append(original)
    return missing


def check(wheel: Path) -> list[str]:
    """The facts of a wheel, a line each."""
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        names = archive.namelist()
        cores = [name for name in names if "/_core" in name and name.endswith(".so")]
        if len(cores) != 1:
            raise Fault(f"it holds {len(cores)} extensions")
        copied = [name for name in names if re.search(r"openwebui_users\.libs/.", name)]
        parts = bundled(names, archive)
        if copied and not parts:
            raise Fault("no bill of materials says what it holds of others")
        if not any(name.endswith(".dist-info/licenses/LICENSE") for name in names):
            raise Fault("its license is missing")
        if any(name.startswith(("tests/", "scripts/", "csrc/")) for name in names):
            raise Fault("it holds more than the package")
        core = Path(archive.extract(cores[0], folder))
        lines = [
            f"{wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB",
            f"  extension {core.stat().st_size / 1e6:.2f} MB",
        ]
        if sys.platform == "linux":
            shown, needed = extension_facts(str(core))
            if shown != ["PyInit__core"]:
                raise Fault(f"its extension shows {len(shown)} symbols: {shown[:5]}")
            lines.append(f"  needs {', '.join(needed)}")
        if copied:
            size = sum(archive.getinfo(name).file_size for name in copied)
            lines.append(f"  {len(copied)} libraries beside it, {size / 1e6:.2f} MB")
            missing = unlisted(copied, parts)
            if missing:
                lines.append(f"  warning: its bill of materials lacks {', '.join(missing)}")
        licenses = [name for name in names if re.search(r"/licenses/bundled/.*[^/]$", name)]
        others = sorted({f"{part['name']} {part.get('version', '')}".strip() for part in parts})
        lines.append(f"  holds of others: {', '.join(others) or 'nothing'}")
        lines.append(f"  licenses of others: {len(licenses)}")
    return lines


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(f"usage: {sys.argv[0]} WHEEL")
    if sys.platform == "linux" and not (shutil.which("nm") and shutil.which("readelf")):
        raise SystemExit("openwebui_users: nm and readelf are needed to check a wheel: binutils")
    try:
        print("\n".join(check(Path(sys.argv[1]))))
    except (Fault, OSError, zipfile.BadZipFile) as fault:
        raise SystemExit(f"{sys.argv[1]}: {fault}") from fault

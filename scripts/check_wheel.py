"""Says what a wheel holds and needs, and fails where it is not as it should be.

check_wheel.py WHEEL: its extension shows one symbol, a bill of materials says which libraries came
along, the license is there.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
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


def bundled_names(names: list[str], read: zipfile.ZipFile) -> list[str]:
    """What the bills of materials list, without what they are about."""
    found = []
    for name in names:
        if ".dist-info/sboms/" in name and name.endswith(".json"):
            bill = json.loads(read.read(name))
            found += [
                f"{part['name']} {part.get('version', '')}".strip()
                for part in bill.get("components", [])
                if part["name"] not in ("openwebui-users", "openwebui_users")
            ]
    return sorted(set(found))


def check(wheel: Path) -> list[str]:
    """The facts of a wheel, a line each."""
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        names = archive.namelist()
        cores = [name for name in names if "/_core" in name and name.endswith(".so")]
        if len(cores) != 1:
            raise Fault(f"it holds {len(cores)} extensions")
        copied = [name for name in names if "openwebui_users.libs/" in name]
        bundled = bundled_names(names, archive)
        if copied and not bundled:
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
        licenses = [name for name in names if re.search(r"/licenses/bundled/.*[^/]$", name)]
        lines.append(f"  holds of others: {', '.join(bundled) or 'nothing'}")
        lines.append(f"  licenses of others: {len(licenses)}")
    return lines


if __name__ == "__main__":
    try:
        print("\n".join(check(Path(sys.argv[1]))))
    except Fault as fault:
        raise SystemExit(f"{sys.argv[1]}: {fault}") from fault

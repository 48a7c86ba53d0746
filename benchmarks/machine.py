"""What the numbers depend on: the machine and the versions."""

from __future__ import annotations

import os
import platform
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from server import nginx_version

PEERS = (
    "aiohttp",
    "curl_cffi",
    "httpx",
    "msgspec",
    "niquests",
    "orjson",
    "owui-client",
    "pycurl",
    "pydantic",
    "requests",
    "uvloop",
)


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def libcurl_versions() -> dict[str, str]:
    """pycurl may have brought a libcurl of its own."""
    found = {"libcurl": str(import_module("openwebui_users._core").version_info()["libcurl"])}
    try:
        info = import_module("pycurl").version_info()
    except ModuleNotFoundError:
        return found
    return {**found, "libcurl of pycurl": info[1]}


def machine() -> dict[str, Any]:
    installed = {one.name: one.version for one in metadata.distributions()}
    versions = {"nginx": nginx_version(), **libcurl_versions()}
    versions |= {name: installed[name] for name in PEERS if name in installed}
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "cpu": cpu_model(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": versions,
    }

"""Check that the docs' links to other sites work: `make docs-links`.

`make docs` checks links between pages. On a machine without network, links to other sites cannot be
checked: the script then says so, says how many were not checked, and does not fail.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "build" / "docs-links"

#: What is said of a site that cannot be reached at all.
UNREACHED = ("NameResolution", "Name or service", "Max retries", "ConnectTimeout", "timed out")


def look() -> list[dict[str, str]]:
    """Every link to another site, with what became of it."""
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-b", "linkcheck", "docs", str(OUTPUT)],
        cwd=ROOT,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    lines = (OUTPUT / "output.json").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return [link for link in found if link["uri"].startswith("http")]


def main() -> int:
    links = look()
    bad = [link for link in links if link["status"] in ("broken", "timeout")]
    unreached = [link for link in bad if any(word in link["info"] for word in UNREACHED)]
    if links and len(unreached) == len(links):
        print(f"no network: none of {len(links)} links to other sites was looked at")
        return 0
    for link in bad:
        print(f"{link['filename']}:{link['lineno']}: {link['uri']}: {link['info']}")
    print(f"{len(links)} links to other sites, {len(bad)} of them broken")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())

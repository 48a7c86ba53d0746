"""The libraries in a wheel: bill of materials (CycloneDX, PEP 770) and licenses."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

NAME = "openwebui-users"
# What vulnerabilities of a library are listed under (CPE: vendor, product).
LISTED_AS = {
    "cjson": "davegamble:cjson",
    "curl": "haxx:libcurl",
    "nghttp2": "nghttp2:nghttp2",
    "openssl": "openssl:openssl",
}
USES = {"curl": ["nghttp2", "openssl"]}


@dataclass(frozen=True)
class Library:
    """A line of scripts/libraries.txt."""

    name: str
    version: str
    license: str
    sha256: str
    address: str
    license_file: str

    @property
    def purl(self) -> str:
        """Its name among all packages."""
        return f"pkg:generic/{self.name}@{self.version}?checksum=sha256:{self.sha256}"


def read_table(path: Path) -> list[Library]:
    """The libraries that a table lists."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Library(*line.split()) for line in lines if line and not line.startswith("#")]


def component(library: Library) -> dict[str, object]:
    """One library, as CycloneDX has it."""
    return {
        "type": "library",
        "bom-ref": library.purl,
        "name": library.name,
        "version": library.version,
        "licenses": [{"license": {"id": library.license}}],
        "purl": library.purl,
        "cpe": f"cpe:2.3:a:{LISTED_AS[library.name]}:{library.version}:*:*:*:*:*:*:*",
        "externalReferences": [
            {
                "type": "source-distribution",
                "url": library.address,
                "hashes": [{"alg": "SHA-256", "content": library.sha256}],
            }
        ],
        "properties": [{"name": f"{NAME}:linked", "value": "statically"}],
    }


def bill_of_materials(libraries: list[Library], version: str) -> dict[str, object]:
    """All that is in the extension and not its own, as CycloneDX has it; always the same text."""
    purl = f"pkg:pypi/{NAME}@{version}"
    by_name = {library.name: library.purl for library in libraries}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": purl,
                "name": NAME,
                "version": version,
                "licenses": [{"license": {"id": "MIT"}}],
                "purl": purl,
            },
        },
        "components": [component(library) for library in libraries],
        "dependencies": [
            {"ref": purl, "dependsOn": sorted(by_name.values())},
            *(
                {"ref": ref, "dependsOn": [by_name[used] for used in USES.get(name, [])]}
                for name, ref in by_name.items()
            ),
        ],
    }


def describe(prefix: Path, dist_info: Path, version: str) -> None:
    """Write into a wheel's .dist-info what scripts/build_libraries.sh has put below prefix."""
    libraries = read_table(prefix / "share" / "libraries.txt")
    bills = dist_info / "sboms"
    bills.mkdir(parents=True, exist_ok=True)
    text = json.dumps(bill_of_materials(libraries, version), indent=2) + "\n"
    (bills / "bundled.cdx.json").write_text(text, encoding="utf-8")
    for library in libraries:
        folder = dist_info / "licenses" / "bundled" / library.name
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(prefix / "share" / "licenses" / library.name / library.license_file, folder)


if __name__ == "__main__":  # the bill alone, for those who look: bundled_libraries.py TABLE VERSION
    print(json.dumps(bill_of_materials(read_table(Path(sys.argv[1])), sys.argv[2]), indent=2))

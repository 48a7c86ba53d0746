"""What a run is told as: tables in Markdown, and what is measured of docs/performance.md."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import median
from typing import Any

import catalogue as names
from targets import TARGETS, Key, Round

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
PICTURES = PAGE.parent / "performance"
Measured = dict[str, Any]  # what run.py writes


def judged(rounds: list[Round]) -> list[dict[str, Any]]:
    """Each target with what was reached."""
    found = []
    for target in TARGETS:
        reached = target.reached(rounds)
        found.append(
            {
                "what": target.what,
                "limit": target.limit,
                "least": target.least,
                "reached": reached,
                "verdict": target.verdict(reached),
            }
        )
    return found


def middle(rounds: list[Round], key: Key) -> float | None:
    found = [value for value in map(key.of, rounds) if value is not None]
    return median(found) if found else None


def table_of_targets(rounds: list[Round]) -> str:
    lines = ["| target | wanted | reached | |", "| --- | ---: | ---: | --- |"]
    for target in TARGETS:
        reached = target.reached(rounds)
        written = "" if reached is None else target.written(reached)
        lines.append(
            f"| {target.what} | {target.wanted()} | {written} | {target.verdict(reached)} |"
        )
    return "\n".join(lines)


def libraries_of(rounds: list[Round], work: str) -> list[str]:
    """Ours first, then the quickest."""
    found = {library for one in rounds for library in one.get(work, {})}
    number = names.WORKS[work].numbers[0]
    sign = -1 if names.NUMBERS[number].least else 1

    def rank(library: str) -> tuple[bool, float]:
        return library != names.OURS, sign * (middle(rounds, Key(work, library, number)) or 0)

    return sorted(found, key=rank)


def table_of_work(rounds: list[Round], work: str) -> str:
    """All numbers of one work; the first also as what ours is of it."""
    numbers = names.WORKS[work].numbers
    units = [names.NUMBERS[number].unit for number in numbers]
    lines = [
        f"| {work} | {units[0]} | over ours | {' | '.join(units[1:])}".rstrip(" |") + " |",
        "| --- | " + "---: | " * (len(numbers) + 1),
    ]
    for library in libraries_of(rounds, work):
        cells = [library]
        for index, number in enumerate(numbers):
            value = middle(rounds, Key(work, library, number))
            cells.append("" if value is None else f"{value:,.{names.NUMBERS[number].places}f}")
            if index == 0:
                cells.append(over_ours(rounds, work, library, number))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(line.rstrip() for line in lines)


def over_ours(rounds: list[Round], work: str, library: str, number: str) -> str:
    """How many times ours it is, by pairs of the same round."""
    ours, theirs = Key(work, names.OURS, number), Key(work, library, number)
    pairs = [(theirs.of(one), ours.of(one)) for one in rounds]
    found = [a / b for a, b in pairs if a is not None and b]
    return f"{median(found):.2f}" if found else ""


def tables_of_works(rounds: list[Round]) -> str:
    measured = [work for work in names.WORKS if any(work in one for one in rounds)]
    return "\n\n".join(table_of_work(rounds, work) for work in measured)


def facts(measured: Measured) -> str:
    machine = measured["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    setting = measured["setting"]
    skipped = ", ".join(measured["skipped"]) or "none"
    return "\n".join(
        [
            f"- machine: {machine['cpus']} CPUs ({machine['cpu']}), {machine['system']}",
            f"- versions: {machine['python']}, {versions}",
            f"- rounds: {setting['rounds']}; a case repeats for {setting['seconds']:g} s in each",
            f"- skipped, because not installed: {skipped}",
        ]
    )


def show(measured: Measured) -> None:
    rounds = measured["rounds"]
    print(tables_of_works(rounds))
    print()
    print(table_of_targets(rounds))
    print(f"\n{facts(measured)}")
    for wrong in measured["wrong"]:
        print(f"\nWRONG: {wrong}")


def fill(blocks: dict[str, str]) -> None:
    """Put each block between its marks on the page."""
    text = PAGE.read_text(encoding="utf-8")
    for name, block in blocks.items():
        mark = f"<!-- measured: {name} -->"
        pattern = re.compile(rf"{re.escape(mark)}.*?<!-- end -->", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"{PAGE} has no place for {name!r}")
        filled = f"{mark}\n\n{block}\n\n<!-- end -->"
        text = pattern.sub(lambda _, filled=filled: filled, text)  # type: ignore[misc]
    PAGE.write_text(text, encoding="utf-8")


def write_docs(measured: Measured) -> None:
    rounds = measured["rounds"]
    fill(
        {
            "facts": facts(measured),
            "targets": table_of_targets(rounds),
            "works": tables_of_works(rounds),
        }
    )

"""The pictures of a run, as PNG."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import catalogue as names
from report import libraries_of, middle
from targets import Key, Round

OURS_COLOUR, FLOOR_COLOUR, PEER_COLOUR = "#c4461f", "#8a8a8a", "#4a78a8"
LINES = {
    names.OURS: OURS_COLOUR,
    names.MSGSPEC: PEER_COLOUR,
    names.PYDANTIC: "#5a9a62",
    names.CJSON: FLOOR_COLOUR,
}


def colour(library: str) -> str:
    if library.startswith(names.OURS):
        return OURS_COLOUR
    return FLOOR_COLOUR if library.endswith("(C)") else PEER_COLOUR


def figure(columns: int = 1, height: float = 3.4) -> tuple[Any, Any]:
    matplotlib = import_module("matplotlib")
    matplotlib.use("Agg")
    matplotlib.rcParams.update({"font.size": 8, "axes.spines.top": False})
    matplotlib.rcParams["axes.spines.right"] = False
    pyplot = import_module("matplotlib.pyplot")
    width = 4.6 * columns + 0.4
    size = {"figsize": (width, height), "layout": "constrained", "dpi": 120}
    drawn, axes = pyplot.subplots(1, columns, **size)
    return drawn, axes


def save(drawn: Any, path: Path) -> None:
    # without the version of who drew it, or the file would change with that
    drawn.savefig(path, metadata={"Software": None})
    import_module("matplotlib.pyplot").close(drawn)


def bars(axes: Any, rounds: list[Round], work: str, *, log: bool = True) -> None:
    """A bar for each library, the quickest on top."""
    number = names.WORKS[work].numbers[0]
    kind = names.NUMBERS[number]
    found = [(middle(rounds, Key(work, one, number)), one) for one in libraries_of(rounds, work)]
    rows = sorted((value, one) for value, one in found if value is not None)
    rows = rows if kind.least else rows[::-1]
    labels = [library for _, library in rows]
    drawn = axes.barh(labels, [value for value, _ in rows], color=[colour(one) for one in labels])
    axes.bar_label(drawn, [f"{value:,.{kind.places}f}" for value, _ in rows], padding=2)
    if log:
        axes.set_xscale("log")
    axes.margins(x=0.18)
    axes.set_title(f"{work}:\n{kind.unit}{', logarithmic' if log else ''}")


def draw_works(rounds: list[Round], works: list[str], path: Path, *, log: bool = True) -> None:
    measured = [work for work in works if any(work in one for one in rounds)]
    if not measured:
        return
    drawn, axes = figure(len(measured))
    for one, work in zip(axes if len(measured) > 1 else [axes], measured, strict=True):
        bars(one, rounds, work, log=log)
    save(drawn, path)


def draw_growth(rounds: list[Round], path: Path) -> None:
    drawn, axes = figure()
    for library, line in LINES.items():
        points = []
        for count in names.SIZES:
            key = Key(names.titled(count), library, names.US_PER_USER)
            value = middle(rounds, key)
            if value is not None:
                points.append((count, value))
        axes.plot(*zip(*points, strict=True), marker="o", label=library, color=line)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("users in the answer")
    axes.set_title(f"decode: {names.NUMBERS[names.US_PER_USER].unit} (level: cost is linear)")
    axes.grid(visible=True, which="both", alpha=0.2)
    axes.legend()
    save(drawn, path)


def draw_all(rounds: list[Round], folder: Path) -> None:
    """What was measured of it: a run may have been of some suites alone."""
    folder.mkdir(parents=True, exist_ok=True)
    draw_works(rounds, [names.DECODE_1000, names.DECODE_10000], folder / "decode.png")
    draw_works(rounds, [names.READ, names.DECODE_DUMP], folder / "read.png", log=False)
    draw_works(rounds, [names.MEMORY_UNREAD, names.MEMORY_READ], folder / "memory.png", log=False)
    draw_works(rounds, [names.ONE_CALL, names.PAGE_CALL], folder / "calls.png")
    draw_works(rounds, [names.MANY_32, names.MANY_100], folder / "many.png")
    draw_works(rounds, [names.IMPORT], folder / "import.png", log=False)
    if all(any(names.titled(count) in one for one in rounds) for count in names.SIZES):
        draw_growth(rounds, folder / "growth.png")

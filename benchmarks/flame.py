"""Folded stacks as a flame graph: an SVG without scripts, which any page can show.

What called what goes upwards, and the width of a function is its share of the time. Beside each
other stand functions in the order of the alphabet, not of time.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from colorsys import hls_to_rgb
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

# A frame is (function, where it lives); a stack has its root first.
Frame = tuple[str, str]
Stacks = dict[tuple[Frame, ...], int]

WIDTH, ROW, MARGIN, HEAD, LETTER = 1200.0, 18.0, 8.0, 44.0, 6.6
LEAST_WIDTH = 0.6  # narrower than that nothing is drawn
# One hue for each place, so that one sees at a glance whose time it is.
HUES = {"_core": 12, "libcurl": 45, "python": 210, "libc": 275, "kernel": 130}


@dataclass
class Node:
    """A function, called from where its parent stands."""

    frame: Frame
    samples: int = 0
    children: dict[Frame, Node] = field(default_factory=dict)

    def child(self, frame: Frame) -> Node:
        return self.children.setdefault(frame, Node(frame))


def tree(stacks: Stacks) -> Node:
    root = Node(("all", ""))
    for stack, samples in stacks.items():
        node = root
        node.samples += samples
        for frame in stack:
            node = node.child(frame)
            node.samples += samples
    return root


def colour(frame: Frame) -> str:
    """The hue of its place; how light it is comes of its name, to tell neighbours apart."""
    name, place = frame
    light = 62 + zlib.crc32(name.encode()) % 14
    hue, saturation = HUES.get(place, 0) / 360, 0.7 if place in HUES else 0.0
    channels = hls_to_rgb(hue, light / 100, saturation)
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in channels)


def boxes(node: Node, left: float, row: int, scale: float) -> Iterator[tuple[Node, float, int]]:
    if node.samples * scale < LEAST_WIDTH:
        return
    yield node, left, row
    for _, child in sorted(node.children.items()):
        yield from boxes(child, left, row + 1, scale)
        left += child.samples * scale


def rectangle(node: Node, left: float, bottom: float, width: float, total: int) -> str:
    name, place = node.frame
    told = f"{name} ({place}), {node.samples / total:.1%}" if place else name
    room = int((width - 4) / LETTER)
    shown = name if len(name) <= room else f"{name[: room - 1]}…" if room >= 4 else ""
    label = f'<text x="{left + 3:.1f}" y="{bottom - 5:.1f}">{escape(shown)}</text>' if shown else ""
    return (
        f'<g><title>{escape(told)}</title><rect x="{left:.1f}" y="{bottom - ROW:.1f}" '
        f'width="{max(width - 0.4, 0.3):.1f}" height="{ROW - 1:.0f}" rx="1" '
        f'fill="{colour(node.frame)}"/>{label}</g>'
    )


def draw(stacks: Stacks, title: str) -> str:
    """The text of the SVG."""
    root = tree(stacks)
    total = max(1, root.samples)
    scale = (WIDTH - 2 * MARGIN) / total
    placed = list(boxes(root, MARGIN, 0, scale))
    height = HEAD + ROW * (1 + max(row for _, _, row in placed)) + MARGIN
    drawn = [
        rectangle(node, left, height - MARGIN - row * ROW, node.samples * scale, total)
        for node, left, row in placed
    ]
    legend = "".join(
        f'<rect x="{MARGIN + 110 * index:.0f}" y="26" width="11" height="11" '
        f'fill="{colour((place, place))}"/>'
        f'<text x="{MARGIN + 110 * index + 16:.0f}" y="36">{place}</text>'
        for index, place in enumerate(HUES)
    )
    size = f'viewBox="0 0 {WIDTH:.0f} {height:.0f}"'
    font = 'font-family="monospace" font-size="11"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>',
            f'<rect width="{WIDTH:.0f}" height="{height:.0f}" fill="white"/>',
            f'<text x="{MARGIN:.0f}" y="17" font-size="13">{escape(title)}, {total} samples</text>',
            legend,
            *drawn,
            "</svg>",
            "",
        ]
    )

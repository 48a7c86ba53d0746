"""Header lines of an answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping


class Headers(Mapping[str, str]):
    """Header lines of an answer, read by name in any case.

    A name that came more than once reads as its values joined by ", "; `get_list` keeps them
    apart, and `lines` gives every line in the order it came.
    """

    __slots__ = ("_values", "lines")

    lines: tuple[tuple[str, str], ...]

    def __init__(self, lines: Iterable[tuple[str, str]] = ()) -> None:
        self.lines = tuple((name.lower(), value) for name, value in lines)
        self._values: dict[str, list[str]] = {}
        for name, value in self.lines:
            self._values.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._values[name.lower()])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def get_list(self, name: str) -> list[str]:
        """Every value of this name, in the order they came; an empty list when there is none."""
        return list(self._values.get(name.lower(), ()))

    def __repr__(self) -> str:
        # An answer may set cookies: names are enough to know what is there.
        return f"Headers({', '.join(self._values)})"

    def __reduce__(self) -> tuple[type[Headers], tuple[tuple[tuple[str, str], ...]]]:
        return type(self), (self.lines,)

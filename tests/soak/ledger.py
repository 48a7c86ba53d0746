"""Compare the records of both sides: the reported result of each write, and what was done."""

from __future__ import annotations

import collections

from .calls import DONE, NOT_SENT, REFUSED, UNKNOWN


class Ledger:
    """Each write by its mark: how often it was carried out, and what its caller was told."""

    def __init__(self) -> None:
        self._done: collections.Counter[str] = collections.Counter()
        self._told: dict[str, str] = {}
        self._missing: set[str] = set()  # told to be done
        self._found: list[str] = []
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.by_error: collections.Counter[str] = collections.Counter()

    def carried_out(self, mark: str) -> None:
        """The server has done this once more."""
        self._done[mark] += 1
        self._missing.discard(mark)
        if self._done[mark] > 1:
            self._found.append(f"done {self._done[mark]} times: {mark}")
        self._compare(mark)

    def told(self, mark: str, outcome: str, error: str) -> None:
        """A caller has learnt what became of this."""
        if mark in self._told:
            raise ValueError(f"two writes have the mark {mark}")
        self._told[mark] = outcome
        self.outcomes[outcome] += 1
        if error:
            self.by_error[f"{error}: {outcome}"] += 1
        if outcome == DONE and not self._done[mark]:
            self._missing.add(mark)
        self._compare(mark)

    def _compare(self, mark: str) -> None:
        told = self._told.get(mark)
        if self._done[mark] == 1 and told in (NOT_SENT, REFUSED):
            self._found.append(f"done although it was told to be {told}: {mark}")

    @property
    def unknown_and_done(self) -> int:
        """How many writes were carried out of which nobody knew."""
        return sum(1 for mark, told in self._told.items() if told == UNKNOWN and self._done[mark])

    def faults(self, is_over: bool) -> list[str]:
        """What does not agree, once the server's side was read after the callers'.

        Args:
            is_over: all calls have ended; if not, writes may be done of which nobody was told yet.
        """
        lost = [f"lost: {mark} was told to be done" for mark in sorted(self._missing)]
        unasked = sorted(self._done.keys() - self._told.keys()) if is_over else []
        return self._found + lost + [f"done, and nobody asked for it: {mark}" for mark in unasked]

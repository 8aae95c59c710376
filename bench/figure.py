"""What a benchmark says: figures on standard output, progress on standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured figure: ``ratio`` is ours to the peer's; where there is no peer, ours to the limit or the aim.

    ``limit`` is the largest ``ours`` allowed, or, when there is a peer, the largest ratio; ``aim`` is the smallest wanted.
    """

    name: str
    ours: float
    unit: str
    peer: float | None = None
    limit: float | None = None
    aim: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's, else over the limit or the aim; ``None`` when there is none of them, or it is nothing."""
        other = next((value for value in (self.peer, self.limit, self.aim) if value is not None), None)
        return round(self.ours / other, 4) if other else None

    @property
    def is_reached(self) -> bool:
        """Whether limit and aim are kept; a figure without them always does."""
        largest = None if self.limit is None else self.limit * (1.0 if self.peer is None else self.peer)
        return (largest is None or self.ours <= largest) and (self.aim is None or self.ours >= self.aim)

    def line(self) -> str:
        """The JSON object."""
        fields: dict[str, object] = {
            "name": self.name,
            "ours": round(self.ours, 4),
            "peer": None if self.peer is None else round(self.peer, 4),
            "ratio": self.ratio,
            "unit": self.unit,
        }
        bounds = {"limit": self.limit, "aim": self.aim}
        fields |= {name: round(value, 4) for name, value in bounds.items() if value is not None}
        if self.limit is not None or self.aim is not None:
            fields["reached"] = self.is_reached
        if self.note:
            fields["note"] = self.note
        return msgspec.json.encode(fields).decode()


def say(text: str) -> None:
    """One line of progress for people."""
    print(text, file=sys.stderr, flush=True)


def publish(figures: Sequence[Figure]) -> None:
    """Print the figures, a line each."""
    for figure in figures:
        print(figure.line(), flush=True)

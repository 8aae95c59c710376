"""What set-up is doing and how far it is, on standard output. Standard library only."""

from __future__ import annotations

import sys
import time

from hotline import messages

_STEPS = 4


class Progress:
    """Numbered steps with a percentage that is rewritten in place on a terminal and printed sparsely elsewhere."""

    def __init__(self) -> None:
        self._step = 0
        self._shown = -100
        self._started = time.monotonic()  # noqa: TID251

    def step(self, key: str, **values: object) -> None:
        """Begin the next step."""
        self._step += 1
        self._shown = -100
        print(f"[{self._step}/{_STEPS}] {messages.text(key, **values)}", flush=True)

    def note(self, key: str, **values: object) -> None:
        """One line under the present step."""
        print(f"      {messages.text(key, **values)}", flush=True)

    def percent(self, done: int, total: int) -> None:
        """How far the present step is: ``done`` of ``total`` (bytes or pieces)."""
        now = 100 * done // max(total, 1)
        terminal = sys.stdout.isatty()
        if now - self._shown < (1 if terminal else 25) and now != 100:
            return
        if now == self._shown:
            return
        self._shown = now
        print(f"\r      {now:3d} %" if terminal else f"      {now} %", end="" if terminal and now < 100 else "\n", flush=True)

    def finish(self) -> None:
        """The last line."""
        print(messages.text("setup.done", seconds=f"{time.monotonic() - self._started:.0f}"), flush=True)  # noqa: TID251

"""The two logs beside AMI: what the bridge may have missed of them when its link breaks."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ami_bridge.book import Book
from ami_bridge.witnesses import Witnesses
from hotline import clock
from tests.unit.test_ami_book import Kept


def test_a_line_that_was_there_at_the_last_ping_is_read_after_a_break(tmp_path: Path) -> None:
    """It may have been written just before the ping was answered, and its event cut off with the link."""
    (tmp_path / "cel-custom").mkdir()
    log = tmp_path / "queue_log"
    log.touch()
    book = Book(tmp_path / "journal", Kept())
    witnesses = Witnesses(tmp_path, book)

    async def work() -> None:
        for _ in range(2):
            witnesses.follow()
        now = clock.now()
        with log.open("a") as file:
            file.write(f"{int(now.timestamp())}|n-1.0|hotline|NONE|ENTERQUEUE||138|1\n")
        witnesses.follow()
        book.open_gap(now, now, "cut")
        await witnesses.testify(0.01)

    asyncio.run(work())
    assert list(book.state.calls) == ["n-1.0"]

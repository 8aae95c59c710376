"""``python -m tests.bridge_feed STREAM FOLDER DSN FIRST``: a bridge without a link, fed a recorded stream batch by batch.

The state comes from the journal under FOLDER, as a bridge's does; then the batches from number FIRST on are heard and stored. The
number of each batch is written to standard output before it is heard.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from pathlib import Path

from ami_bridge import codec, facts
from ami_bridge.book import Book, Reckoning
from ami_bridge.store import Position, Store

BATCH = 3
HEARD = dt.datetime(2026, 11, 21, 18, 0, tzinfo=dt.UTC)


def batches(stream: Path) -> list[list[codec.Frame]]:
    """The events of a stream, a few at a time."""
    frames = [frame for frame in codec.Decoder(facts.WANTED).feed(stream.read_bytes()) if frame.kind == "event"]
    return [frames[start : start + BATCH] for start in range(0, len(frames), BATCH)]


async def feed(stream: Path, folder: Path, dsn: str, first: int) -> None:
    """See the module."""
    store = Store("node1", dsn, folder / "position.json", lambda: Position(book.oldest_needed()))
    book = Book(folder, store, Reckoning(node="node1"))
    position = await store.saved_position(5) or Position(0)
    book.replay(position.segment)
    for number, frames in enumerate(batches(stream)):
        if number >= first:
            sys.stdout.buffer.write(f"{number}\n".encode())
            sys.stdout.buffer.flush()
            book.hear(frames, HEARD + dt.timedelta(seconds=number))
            assert await store.flush()
            book.journal.rotate()
    assert await store.flush()
    await store.close()


if __name__ == "__main__":
    asyncio.run(feed(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))

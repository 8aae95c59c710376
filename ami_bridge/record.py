"""``ami_bridge record``: the raw AMI stream, byte for byte, into a file, until it is stopped."""

from __future__ import annotations

from pathlib import Path

from ami_bridge.link import Link
from hotline.credentials import AmiUser
from hotline.settings import Ami


async def record(path: Path, settings: Ami, user: AmiUser) -> None:
    """Append to ``path`` what the reading user is sent; each connection begins after an empty line. Ends by cancellation."""
    with path.open("ab", buffering=0) as file:

        def write(data: bytes) -> None:
            file.write(data)

        def cut(*_: object) -> None:
            file.write(b"\r\n\r\n")

        await Link(settings, user, on_frames=lambda _: None, on_down=cut, on_bytes=write, wanted=()).run()

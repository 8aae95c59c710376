"""A port alone, in a process of its own that ends before its N-th sending of bytes: to the database or to Asterisk."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from typing import Any

from ami_bridge.commands import Port
from ami_bridge.link import Link
from hotline.credentials import AmiUser
from hotline.settings import Ami


def start(dsn: str, ami_port: int, last: int) -> int:
    """Fork; returns the child's process number. ``last``: which sending it does not live to make."""
    child = os.fork()
    if child:
        return child
    try:
        _count_down(last)
        asyncio.run(_serve(dsn, ami_port))
    finally:
        os._exit(1)


def has_ended(child: int) -> bool:
    """Whether it is gone."""
    return os.waitpid(child, os.WNOHANG)[0] != 0


def kill(child: int) -> None:
    """kill -9."""
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


async def _serve(dsn: str, ami_port: int) -> None:
    link = Link(Ami(port=ami_port, ping_seconds=5, silence_seconds=20), AmiUser("bridge", "secret"), on_frames=lambda _: None)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(link.run())
        tasks.create_task(Port("n", dsn, link).run())


def _count_down(left: int) -> None:
    send = socket.socket.send

    def counting(*arguments: Any) -> int:
        nonlocal left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return send(*arguments)

    socket.socket.send = counting  # type: ignore[method-assign]

"""The questions whether a process works, asked over real connections, and what is said when it does not."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from hotline import probes


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_PROBE_SECONDS", 0.2)


def test_a_server_that_takes_a_connection_and_stays_mute_is_said_to_give_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert asyncio.run(probes.answers_a_probe("127.0.0.1", port)) == f"127.0.0.1:{port}: no answer"


def test_a_server_that_takes_no_more_connections_is_said_to_give_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, contextlib.ExitStack() as queue:
        port = server.getsockname()[1]
        for _ in range(4):  # more than the kernel keeps for a program that accepts none
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        assert asyncio.run(probes.listens("127.0.0.1", port)) == f"127.0.0.1:{port}: no answer"


def test_where_nobody_listens_the_system_says_why() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for probe in (probes.listens, probes.answers_a_probe):
        assert "Connect call failed" in str(asyncio.run(probe("127.0.0.1", port)))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no answer"),
        (ConnectionResetError(), "ConnectionResetError"),
        (OSError("the reason"), "the reason"),
    ],
)
def test_an_error_without_words_is_named(error: OSError, words: str) -> None:
    assert probes.reason(error) == words

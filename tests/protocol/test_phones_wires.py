"""The sound of steered telephones over loopback: tones by order, keys, and a port that is closed for good."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from hotline import clock
from hotline.phones import hearing, sipp
from hotline.phones.wires import Wire, Wires
from tests.trial import wait_until

NOBODY: frozenset[int] = frozenset()


def now(wire: Wire) -> frozenset[int]:
    return wire.hearing.now(int(clock.now().timestamp() * 1e9))


def heard(wire: Wire, tones: set[int]) -> Callable[[], bool]:
    return lambda: now(wire) == tones


def join(one: Wire, other: Wire) -> None:
    one.begin(f"127.0.0.1:{other.port}")
    other.begin(f"127.0.0.1:{one.port}")


def test_two_telephones_hear_each_other_and_what_changes() -> None:
    with Wires() as wires:
        one, other = wires.open("127.0.0.1"), wires.open("127.0.0.1")
        one.loop(hearing.tone(1010))
        join(one, other)
        wait_until(heard(other, {1010}))
        assert now(one) == NOBODY
        one.loop(hearing.tone(1400))
        other.loop(hearing.tone(2220))
        wait_until(heard(other, {1400}))
        wait_until(heard(one, {2220}))
        one.loop([])
        wait_until(heard(other, set()))


def test_keys_arrive_and_can_change_what_is_said() -> None:
    with Wires() as wires:
        caller, machine = wires.open("127.0.0.1"), wires.open("127.0.0.1")
        machine.loop(hearing.tone(hearing.ANNOUNCEMENT))
        machine.loop_after("12#", hearing.tone(1690))
        join(caller, machine)
        wait_until(heard(caller, {hearing.ANNOUNCEMENT}))
        caller.press("1")
        caller.press("2#")
        wait_until(heard(caller, {1690}))
        assert machine.digits == "12#"
        wait_until(lambda: not caller.pressing)


def test_a_wire_that_is_cut_gives_its_port_back_and_the_other_goes_on() -> None:
    with Wires() as wires:
        one, other, third = (wires.open("127.0.0.1") for _ in range(3))
        third.loop(hearing.tone(1860))
        join(one, other)
        wait_until(lambda: other.hearing.frames)
        one.cut()
        one.cut()
        one.begin("127.0.0.1:9")
        assert not one.pressing
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
            again.bind(("127.0.0.1", one.port))
        third.begin(f"127.0.0.1:{other.port}")
        count = len(other.hearing.frames)
        wait_until(lambda: now(other) == NOBODY)
        assert len(other.hearing.frames) - count < 5


def test_sound_does_not_stutter_while_the_program_does_something_else() -> None:
    with Wires() as wires:
        one, other = wires.open("127.0.0.1"), wires.open("127.0.0.1")
        one.loop(hearing.tone(2730))
        join(one, other)
        wait_until(lambda: other.hearing.frames)
        began, count = clock.monotonic(), len(other.hearing.frames)
        while clock.monotonic() - began < 0.5:
            sum(range(1000))
        assert len(other.hearing.frames) - count >= 10


def test_a_port_that_is_taken_is_never_free_however_many_others_come_and_go() -> None:
    """The kernel's table, read in pieces, leaves out a line now and then."""
    over = threading.Event()

    def come_and_go() -> None:
        while not over.is_set():
            others = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(100)]
            for other in others:
                other.bind(("127.0.0.1", 0))
            for other in others:
                other.close()

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        others = threading.Thread(target=come_and_go)
        others.start()
        try:
            assert not any(sipp.is_free("127.0.0.1", port) for _ in range(1000))
        finally:
            over.set()
            others.join()
    assert sipp.is_free("127.0.0.1", port)

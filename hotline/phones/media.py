"""The sound engine: a process of its own that sends and receives the RTP of many telephones.

``python -m hotline.phones.media PLAN.json``. Standard output: one line of JSON for ``Ready``, for each key that SIP has to carry
(``Signal``), for the ``Report`` of each call as it ends, and at the end an ``EngineReport``. Standard input: an ``Order`` a
line; its end stops the engine. It knows no SIP: a call begins with an order that names the peer, or with the first RTP packet,
and sends 20 ms packets there; it is over by order, or when the peer's port is closed (the kernel reports it on the next send).
Packets go out in four slots of 5 ms, by absolute deadlines.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import select
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec

from hotline import clock
from hotline.phones import sound
from hotline.phones.errors import MediaError, SpeechError
from hotline.phones.plan import EngineReport, Gap, Line, Order, Plan, Ready, Signal, Stream
from hotline.phones.telephone import Telephone

_SLOTS = 4
_SLOT_SECONDS = 0.005
_STALL_SECONDS = 0.020


class Engine:
    """The loop over all telephones."""

    def __init__(self, plan: Plan) -> None:
        _allow_files(len(plan.streams) + 50)
        voices = {name: sound.frames(sound.read_wav(Path(name).read_bytes(), name)) for s in plan.streams if (name := s.speech)}
        ports = _even_ports(plan.first_port, plan.last_port)
        self._telephones = [_open(s, plan.address, ports, voices.get(s.speech or "")) for s in plan.streams]
        self._by_port = {telephone.port: telephone for telephone in self._telephones}
        self._half_order = b""
        self._by_descriptor: dict[int, Telephone] = {}
        self._epoll = select.epoll()
        for telephone in self._telephones:
            self._watch(telephone)
        self._slots: list[dict[int, Telephone]] = [{} for _ in range(_SLOTS)]
        self._late = array("I", bytes(4 * 4096))
        self._stalls: list[Gap] = []
        self._last_late = 0.0
        self._sent = self._read = 0
        self._signals = any(stream.digits == "info" for stream in plan.streams)

    def run(self) -> None:
        """Until standard input ends."""
        self._put(Ready([telephone.port for telephone in self._telephones]))
        self._epoll.register(sys.stdin.fileno(), select.EPOLLIN)
        gc.collect()
        gc.freeze()
        gc.disable()
        started, turn = clock.monotonic(), 0
        while self._receive(started + turn * _SLOT_SECONDS):
            late = clock.monotonic() - (started + turn * _SLOT_SECONDS)
            self._note_lateness(late)
            self._send(self._slots[turn % _SLOTS])
            if late > 1.0:
                turn += int(late / _SLOT_SECONDS)
            turn += 1
        for telephone in self._telephones:
            self._end(telephone)
        self._put(self._own_report(clock.monotonic() - started))

    def _receive(self, until: float) -> bool:
        """Read what arrives until the deadline; returns whether to go on."""
        while True:
            rest = until - clock.monotonic()
            for descriptor, _ in self._epoll.poll(max(0.0, rest), 512):
                telephone = self._by_descriptor.get(descriptor)
                if telephone is None:
                    if not self._obey():
                        return False
                    break
                self._read += 1
                if telephone.read():
                    min(self._slots, key=len)[descriptor] = telephone
                if telephone.gone:
                    self._end(telephone)
                elif telephone.deaf:
                    self._epoll.unregister(descriptor)
                    telephone.go_deaf()
            if until <= clock.monotonic():
                return True

    def _obey(self) -> bool:
        """Carry out the orders on standard input; returns whether there may come more."""
        data = os.read(sys.stdin.fileno(), 65536)
        *lines, self._half_order = (self._half_order + data).split(b"\n")
        for line in lines:
            order = msgspec.json.decode(line, type=Order)
            telephone = self._by_port[order.port]
            if order.peer is None:
                self._end(telephone)
            elif not telephone.busy:
                host, _, port = order.peer.rpartition(":")
                telephone.begin((host, int(port)))
                min(self._slots, key=len)[telephone.socket.fileno()] = telephone
        return bool(data)

    def _send(self, slot: dict[int, Telephone]) -> None:
        over = [descriptor for descriptor, telephone in slot.items() if not telephone.send()]
        self._sent += len(slot) - len(over)
        if self._signals:
            for telephone in slot.values():
                for key in telephone.sender.signals():
                    self._put(Signal(telephone.port, key))
        for descriptor in over:
            self._end(slot[descriptor])

    def _end(self, telephone: Telephone) -> None:
        """Report the call and listen for the next one, on a new socket at the same port."""
        descriptor = telephone.socket.fileno()
        del self._by_descriptor[descriptor]
        for slot in self._slots:
            slot.pop(descriptor, None)
        report = telephone.end()
        self._watch(telephone)
        if report is not None:
            self._put(report)

    def _watch(self, telephone: Telephone) -> None:
        self._by_descriptor[telephone.socket.fileno()] = telephone
        self._epoll.register(telephone.socket.fileno(), select.EPOLLIN)

    def _note_lateness(self, late: float) -> None:
        self._late[min(4095, int(late * 10_000))] += 1
        before, self._last_late = self._last_late, late
        if late > _STALL_SECONDS >= before and len(self._stalls) < 1000:
            self._stalls.append(Gap(clock.now().isoformat(timespec="microseconds"), round(late * 1000, 3)))

    def _own_report(self, wall_seconds: float) -> EngineReport:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        late = [tenths for tenths, count in enumerate(self._late) if count]
        return EngineReport(
            packets_sent=self._sent,
            packets_read=self._read,
            cpu_seconds=round(usage.ru_utime + usage.ru_stime, 3),
            wall_seconds=round(wall_seconds, 3),
            late_p99_ms=_histogram_p99(self._late) / 10,
            late_max_ms=late[-1] / 10 if late else 0.0,
            stalls=self._stalls,
        )

    @staticmethod
    def _put(line: Line) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
        sys.stdout.buffer.flush()


def _open(stream: Stream, address: str, ports: Iterator[int], speech: list[bytes] | None) -> Telephone:
    for port in ports:
        with contextlib.suppress(OSError):
            return Telephone(stream, address, port, speech)
    raise MediaError(f"no more free UDP ports at {address} in the range for sound; end other telephones or ask for fewer")


def _even_ports(first: int, last: int) -> Iterator[int]:
    """Every even port of the range once, from a random one on, so that several engines seldom meet."""
    count = (last - first) // 2 + 1
    start = Random().randrange(count)  # noqa: S311 - only so that engines seldom meet
    return (first + 2 * ((start + step) % count) for step in range(count))


def _allow_files(needed: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(needed, hard), hard))


def _histogram_p99(counts: array[int]) -> int:
    rest = sum(counts) * 0.99
    for place, count in enumerate(counts):
        rest -= count
        if rest <= 0:
            return place
    return 0


def main(arguments: list[str]) -> int:
    """Read the plan, run the engine; 1 with a line on standard error when the plan cannot be carried out."""
    try:
        engine = Engine(msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Plan))
    except (MediaError, SpeechError, OSError, IndexError, msgspec.DecodeError) as error:
        print(error, file=sys.stderr)
        return 1
    with contextlib.suppress(BrokenPipeError):
        engine.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

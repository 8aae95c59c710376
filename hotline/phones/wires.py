"""The sound of telephones that are steered: one thread sends 20 ms to each of their calls and takes what comes.

A thread, because what a test does in its event loop (a command to Asterisk, a row from the database) must not make the sound
stutter; and not the engine of ``media.py``, because tones change by order and what was heard is asked for during the call.
"""

from __future__ import annotations

import select
import threading
from types import TracebackType

from hotline import clock
from hotline.phones import sipp
from hotline.phones.hearing import Hearing
from hotline.phones.plan import Stream
from hotline.phones.rtp import ALAW, FRAME, Packet
from hotline.phones.telephone import Telephone

_FRAME_SECONDS = 0.020
_LONGEST_LAG_SECONDS = 0.5


class Wire:
    """One call's sound: a port of one's own. ``hearing`` is what came; it stays when the wire is cut."""

    def __init__(self, wires: Wires, address: str) -> None:
        self._wires = wires
        self.hearing = Hearing()
        stream = Stream(first_sequence=wires.first_sequence)
        self._telephone = Telephone(stream, address, sipp.free_port(address), None, self._hear)
        self.is_cut = False
        self._wanted: tuple[str, list[bytes]] | None = None
        with wires.lock:
            wires.watch(self._telephone)

    @property
    def port(self) -> int:
        """The UDP port at which it listens."""
        return self._telephone.port

    @property
    def digits(self) -> str:
        """The keys heard so far, as telephone-events."""
        return "".join(self._telephone.reception.digits)

    @property
    def pressing(self) -> bool:
        """Whether keys are still going out."""
        return self._telephone.sender.pressing and not self.is_cut

    @property
    def begun(self) -> bool:
        """Whether it knows where to send, and sends."""
        return self._telephone.busy

    def begin(self, peer: str) -> None:
        """Send to ``peer`` (``host:port``) from now on."""
        with self._wires.lock:
            if not self.begun and not self.is_cut:
                host, _, port = peer.rpartition(":")
                self._telephone.begin((host, int(port)))

    def loop(self, frames: list[bytes]) -> None:
        """Say this over and over from now on."""
        with self._wires.lock:
            self._telephone.sender.loop(frames)

    def loop_after(self, keys: str, frames: list[bytes]) -> None:
        """Say this from the moment on when these keys have come in."""
        with self._wires.lock:
            self._wanted = keys, frames

    def press(self, keys: str) -> None:
        """Press keys, as telephone-events."""
        with self._wires.lock:
            self._telephone.sender.press(keys)

    def cut(self) -> None:
        """Close the port; nothing is sent and heard any more. Safe to call twice."""
        with self._wires.lock:
            if not self.is_cut:
                self.is_cut = True
                self._wires.forget(self._telephone)
                self._telephone.socket.close()

    def _hear(self, packet: Packet, at_ns: int) -> None:
        """One packet; the lock is held."""
        if packet.payload_type == ALAW and len(packet.payload) == FRAME:
            self.hearing.take(packet.payload, at_ns)
        elif self._wanted is not None and self.digits.endswith(self._wanted[0]):
            self._telephone.sender.loop(self._wanted[1])
            self._wanted = None


class Wires:
    """``with Wires() as wires: wire = wires.open("127.0.0.1")``; the thread ends with the block.

    ``first_sequence``: where the RTP of what is opened from now on begins to count, 0 to 65535; ``None``: anywhere.
    """

    def __init__(self) -> None:
        self.first_sequence: int | None = None
        self.lock = threading.Lock()
        self._telephones: dict[int, Telephone] = {}
        self._epoll = select.epoll()
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="wires", daemon=True)

    def __enter__(self) -> Wires:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._is_over = True
        self._thread.join()
        for telephone in self._telephones.values():
            telephone.socket.close()
        self._epoll.close()

    def open(self, address: str) -> Wire:
        """A wire with a free port at ``address``; it waits for ``begin``, or for the first packet."""
        return Wire(self, address)

    def watch(self, telephone: Telephone) -> None:
        """Listen to a telephone; the lock is held."""
        self._telephones[telephone.socket.fileno()] = telephone
        self._epoll.register(telephone.socket.fileno(), select.EPOLLIN)

    def forget(self, telephone: Telephone) -> None:
        """Listen to it no more; the lock is held."""
        if self._telephones.pop(telephone.socket.fileno(), None) is not None:
            self._epoll.unregister(telephone.socket.fileno())

    def _run(self) -> None:
        due = clock.monotonic()
        while not self._is_over:
            wait = due - clock.monotonic()
            if wait > 0:
                self._receive(wait)
                continue
            with self.lock:
                for telephone in self._telephones.values():
                    if telephone.busy:
                        telephone.send()
            due = due + _FRAME_SECONDS if -wait < _LONGEST_LAG_SECONDS else clock.monotonic()

    def _receive(self, seconds: float) -> None:
        for descriptor, _ in self._epoll.poll(seconds, 512):
            with self.lock:
                telephone = self._telephones.get(descriptor)
                if telephone is not None:
                    telephone.read()

"""One telephone of the sound engine: a UDP port, the call on it, and the report of that call."""

from __future__ import annotations

import datetime as dt
import socket
import struct
from array import array
from collections.abc import Callable
from pathlib import Path
from random import Random

from hotline import clock
from hotline.phones import sound
from hotline.phones.plan import Gap, Report, Stream
from hotline.phones.reception import Reception
from hotline.phones.rtp import Packet
from hotline.phones.sending import Sender

_SO_TIMESTAMPNS = 35
"""Linux: the kernel notes when a datagram arrived, so that our own lateness does not count."""
_TIMESPEC = struct.Struct("@qq")
_random = Random()  # noqa: S311 - sequence numbers of test telephones


class Telephone:
    """One stream: its socket, and the call on it, if any."""

    __slots__ = (
        "_address",
        "_first_digit_at",
        "_listener",
        "_peer",
        "_plan",
        "_speech",
        "deaf",
        "gone",
        "ordinal",
        "port",
        "reception",
        "sender",
        "sent",
        "socket",
    )

    def __init__(
        self,
        plan: Stream,
        address: str,
        port: int,
        speech: list[bytes] | None,
        listener: Callable[[Packet, int], None] | None = None,
    ) -> None:
        """``listener`` is given each packet heard, with the kernel's time of arrival in nanoseconds."""
        self._plan, self._speech, self._listener = plan, speech, listener
        self._address, self.port = address, port
        self.ordinal = 0
        self._listen()

    def _listen(self) -> None:
        """A new socket and a new call's state; raises ``OSError`` when the port is taken."""
        self._peer: tuple[str, int] | None = None
        self._first_digit_at: str | None = None
        self.deaf, self.gone, self.sent = False, False, 0
        self.reception = Reception(recording=self._plan.mode == "record")
        chosen = self._plan.first_sequence
        self.sender = Sender(
            self._plan,
            self._speech,
            sequence=_random.getrandbits(16) if chosen is None else chosen,
            timestamp=_random.getrandbits(32),
            ssrc=_random.getrandbits(32),
        )
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self.socket.setblocking(False)
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self.socket.bind((self._address, self.port))
        except OSError:
            self.socket.close()
            raise

    def read(self) -> bool:
        """Take one datagram; returns whether a call began with it. Sets ``gone`` when the peer has closed its port."""
        try:
            data, ancillary, _, source = self.socket.recvmsg(2048, 64)
        except ConnectionRefusedError:
            self.gone = True
            return False
        except BlockingIOError:
            return False
        seconds, nanoseconds = _TIMESPEC.unpack_from(ancillary[0][2])
        reception, sender = self.reception, self.sender
        at_ns = seconds * 1_000_000_000 + nanoseconds
        packet = reception.take(data, at_ns)
        if packet is None:
            return False
        if self._listener is not None:
            self._listener(packet, at_ns)
        audible = reception.first_audible_ns is not None
        sender.cued = sender.cued or audible or self._plan.cue == "packet"
        self.deaf = audible and self._plan.mode == "drop"
        if self._peer is None:
            self.begin(source)
            return True
        return False

    def begin(self, peer: tuple[str, int]) -> None:
        """A call with ``peer`` begins: packets come from there only and go there."""
        self._peer = peer
        self.socket.connect(peer)
        self.ordinal += 1

    @property
    def busy(self) -> bool:
        """Whether there is a call."""
        return self._peer is not None

    def go_deaf(self) -> None:
        """From now on the kernel throws away what arrives."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)

    def send(self) -> bool:
        """Send the next 20 ms; returns whether the call is still there."""
        try:
            self.socket.send(self.sender.step())
        except ConnectionRefusedError:
            return False
        except BlockingIOError:
            return True
        self.sent += 1
        if self._first_digit_at is None and self.sender.pressed:
            self._first_digit_at = clock.now().isoformat(timespec="microseconds")
        return True

    def end(self) -> Report | None:
        """Close the call: its report, and the port ready for the next one."""
        self.socket.close()
        report = self._report(self.reception, self._peer, self._save()) if self._peer else None
        self._listen()
        return report

    def _save(self) -> str | None:
        if self._plan.recording is None or self._plan.mode != "record":
            return None
        path = Path(self._plan.recording + (f"-{self.ordinal}" if self.ordinal > 1 else "") + ".wav")
        path.write_bytes(sound.write_wav(self.reception.heard()))
        return str(path)

    def _report(self, reception: Reception, peer: tuple[str, int], recording: str | None) -> Report:
        known = self._plan.mode != "drop"
        return Report(
            port=self.port,
            ordinal=self.ordinal,
            mode=self._plan.mode,
            peer=f"{peer[0]}:{peer[1]}",
            first_packet_at=_iso(reception.first_ns),
            first_audible_at=_iso(reception.first_audible_ns),
            last_packet_at=_iso(reception.last_ns) if known else None,
            packets=reception.packets if known else None,
            lost=reception.lost if known else None,
            gaps=reception.gaps if known else None,
            pauses=reception.pauses if known else None,
            max_gap_ms=reception.max_gap_ns / 1e6 if known else None,
            p99_gap_ms=_percentile(reception.spacing, 0.99) / 1000 if known else None,
            gap_list=[Gap(_iso(at) or "", round(ns / 1e6, 3)) for at, ns in reception.gap_list],
            digits_heard="".join(reception.digits),
            digits_sent=self.sender.pressed,
            first_digit_at=self._first_digit_at,
            packets_sent=self.sent,
            recording=recording,
        )


def _iso(nanoseconds: int | None) -> str | None:
    if nanoseconds is None:
        return None
    seconds, rest = divmod(nanoseconds // 1000, 1_000_000)
    return (dt.datetime.fromtimestamp(seconds, dt.UTC) + dt.timedelta(microseconds=rest)).isoformat(timespec="microseconds")


def _percentile(values: array[int], share: float) -> int:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0

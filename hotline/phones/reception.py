"""What was received on one RTP stream: loss, gaps, digits, the first sound. Pure: arrival times are arguments.

Theory of operation. ``Reception.take`` is fed every datagram in order of arrival, with the kernel's time of arrival in
nanoseconds since 1970. A *gap* is more than 60 ms between two packets of one spurt. A sender may fall silent (a prompt has
ended, nobody speaks): its next packet then carries the marker bit, or a timestamp that moved on with the clock; that is a
*pause*, not a gap. Loss is counted by sequence number: expected minus received; a change of SSRC starts counting anew.
"""

from __future__ import annotations

from array import array

from hotline import g711
from hotline.phones import sound
from hotline.phones.rtp import ALAW, EVENT, FRAME, Packet, read_event, unpack

GAP_NS = 60_000_000
_SAMPLE_NS = 125_000
_HALF = 0x8000
_LARGEST_LIST = 100


class Reception:
    """Running statistics of one stream, and, when ``recording``, the sound placed at its time."""

    __slots__ = (
        "_event_at",
        "_heard",
        "_highest",
        "_last_ns",
        "_last_timestamp",
        "_lost_before",
        "_recording",
        "_since",
        "_ssrc",
        "_started",
        "digits",
        "first_audible_ns",
        "first_ns",
        "gap_list",
        "gaps",
        "max_gap_ns",
        "packets",
        "pauses",
        "spacing",
    )

    def __init__(self, *, recording: bool = False) -> None:
        self.packets = self.gaps = self.pauses = self.max_gap_ns = 0
        self.first_ns: int | None = None
        self.first_audible_ns: int | None = None
        self.digits: list[str] = []
        self.gap_list: list[tuple[int, int]] = []
        self.spacing = array("I")
        self._recording = recording
        self._heard = bytearray()
        self._ssrc = self._highest = self._started = self._since = self._lost_before = 0
        self._last_ns = self._last_timestamp = 0
        self._event_at = -1

    def take(self, data: bytes, at_ns: int) -> Packet | None:
        """Count one datagram that arrived at ``at_ns``; returns the packet, or ``None`` when it was not RTP."""
        packet = unpack(data)
        if packet is None:
            return None
        if self.first_ns is None:
            self.first_ns = at_ns
            self._restart(packet)
        else:
            self._measure(packet, at_ns)
        self.packets += 1
        self._last_ns, self._last_timestamp = at_ns, packet.timestamp
        if packet.payload_type == ALAW:
            self._hear(packet, at_ns)
        elif packet.payload_type == EVENT:
            self._press(packet)
        return packet

    @property
    def last_ns(self) -> int | None:
        """Arrival of the latest packet."""
        return self._last_ns if self.packets else None

    @property
    def lost(self) -> int:
        """Packets that a sequence number promised and that never came."""
        return self._lost_before + self._lost_here() if self.packets else 0

    def heard(self) -> bytes:
        """The recorded linear sound, from the first packet on, silence where nothing came."""
        return g711.decode(self._heard)

    def _lost_here(self) -> int:
        return max(0, self._highest - self._started + 1 - (self.packets - self._since))

    def _restart(self, packet: Packet) -> None:
        self._ssrc, self._since = packet.ssrc, self.packets
        self._started = self._highest = packet.sequence

    def _measure(self, packet: Packet, at_ns: int) -> None:
        if packet.ssrc != self._ssrc:
            self._lost_before += self._lost_here()
            self._restart(packet)
        else:
            ahead = (packet.sequence - self._highest) & 0xFFFF
            if 0 < ahead < _HALF:
                self._highest += ahead
        elapsed = at_ns - self._last_ns
        if self._paused(packet, elapsed):
            self.pauses += 1
            return
        self.spacing.append(max(0, min(elapsed // 1000, 0xFFFFFFFF)))
        self.max_gap_ns = max(self.max_gap_ns, elapsed)
        if elapsed > GAP_NS:
            self.gaps += 1
            if len(self.gap_list) < _LARGEST_LIST:
                self.gap_list.append((at_ns, elapsed))

    def _paused(self, packet: Packet, elapsed: int) -> bool:
        """A silence that the sender meant: after it comes a marker bit or another source."""
        return elapsed > GAP_NS and (packet.marker or self._since == self.packets)

    def _hear(self, packet: Packet, at_ns: int) -> None:
        if self.first_audible_ns is None and sound.audible(packet.payload):
            self.first_audible_ns = at_ns
        if self._recording and self.first_ns is not None:
            missing = (at_ns - self.first_ns) // _SAMPLE_NS - len(self._heard)
            if missing * _SAMPLE_NS > GAP_NS:
                self._heard += bytes([g711.SILENCE]) * (missing // FRAME * FRAME)
            self._heard += packet.payload

    def _press(self, packet: Packet) -> None:
        event = read_event(packet.payload)
        if event is not None and packet.timestamp != self._event_at:
            self._event_at = packet.timestamp
            self.digits.append(event.key)

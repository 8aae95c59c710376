"""Statistics of a received stream: loss, gaps and pauses, digits, the first sound, the recording's places."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hotline import g711
from hotline.phones.reception import Reception
from hotline.phones.rtp import Packet, event_payloads, pack

START = 1_800_000_000_000_000_000
MS = 1_000_000
SILENT, LOUD = bytes([g711.SILENCE]) * 160, g711.encode(b"\x00\x20" * 160)


def _packet(
    sequence: int, *, payload: bytes = LOUD, marker: bool = False, ssrc: int = 7, kind: int = 8, timestamp: int = 0
) -> bytes:
    return pack(Packet(kind, marker, sequence & 0xFFFF, timestamp or (sequence * 160) & 0xFFFFFFFF, ssrc, payload))


def _receive(packets: list[tuple[int, bytes]], *, recording: bool = False) -> Reception:
    """``packets``: (milliseconds after the start, datagram)."""
    reception = Reception(recording=recording)
    for at_ms, data in packets:
        reception.take(data, START + at_ms * MS)
    return reception


def test_a_steady_stream_has_no_gap_and_no_loss() -> None:
    reception = _receive([(20 * n, _packet(n)) for n in range(100)])
    assert (reception.packets, reception.lost, reception.gaps, reception.pauses, reception.max_gap_ns) == (100, 0, 0, 0, 20 * MS)


def test_withheld_packets_are_lost_and_a_gap() -> None:
    reception = _receive([(20 * n, _packet(n)) for n in range(100) if not 40 <= n < 45])
    assert (reception.packets, reception.lost, reception.gaps) == (95, 5, 1)
    assert reception.gap_list == [(START + 45 * 20 * MS, 120 * MS)]


def test_a_late_packet_is_a_gap_without_loss() -> None:
    reception = _receive([(0, _packet(0)), (20, _packet(1)), (85, _packet(2)), (86, _packet(3))])
    assert (reception.lost, reception.gaps, reception.max_gap_ns) == (0, 1, 65 * MS)


def test_sixty_milliseconds_are_not_yet_a_gap() -> None:
    assert _receive([(0, _packet(0)), (60, _packet(1))]).gaps == 0


def test_silence_that_the_sender_marks_is_a_pause() -> None:
    reception = _receive([(0, _packet(0)), (5000, _packet(1, marker=True)), (9000, _packet(50, ssrc=8))])
    assert (reception.gaps, reception.pauses, reception.lost, reception.max_gap_ns) == (0, 2, 0, 0)


def test_reordered_packets_are_not_lost() -> None:
    assert _receive([(0, _packet(0)), (20, _packet(2)), (21, _packet(1)), (40, _packet(3))]).lost == 0


@given(st.integers(0, 0xFFFF), st.sets(st.integers(1, 298)))
def test_loss_is_counted_across_the_wrap_of_the_sequence(first: int, missing: set[int]) -> None:
    reception = _receive([(20 * n, _packet(first + n)) for n in range(300) if n not in missing])
    assert reception.lost == len(missing)


def test_the_first_packet_and_the_first_sound_are_told_apart() -> None:
    reception = _receive([(0, _packet(0, payload=SILENT)), (20, _packet(1, payload=SILENT)), (40, _packet(2))])
    assert (reception.first_ns, reception.first_audible_ns) == (START, START + 40 * MS)


def test_a_key_is_counted_once_however_often_its_packets_come() -> None:
    packets = [(0, _packet(0))]
    for place, key in enumerate("1*1"):
        for step, payload in enumerate(event_payloads(key)):
            number = 1 + place * 8 + step
            packets.append((20 * number, _packet(number, payload=payload, kind=101, timestamp=1000 * (place + 1))))
    assert "".join(_receive(packets).digits) == "1*1"


def test_what_is_not_rtp_changes_nothing() -> None:
    reception = _receive([(0, b""), (1, b"hello"), (2, b"\x80\xc8" + bytes(26))])
    assert (reception.packets, reception.first_ns, reception.last_ns, reception.lost) == (0, None, None, 0)


def test_a_recording_keeps_every_sound_at_its_time() -> None:
    reception = _receive([(0, _packet(0)), (20, _packet(1)), (1000, _packet(2, marker=True))], recording=True)
    heard = reception.heard()
    assert len(heard) == 2 * (8 * 1000 + 160)
    assert heard[: 2 * 320] == g711.decode(LOUD * 2)
    assert heard[2 * 320 : 2 * 8000] == g711.decode(bytes([g711.SILENCE]) * (8000 - 320))
    assert heard[2 * 8000 :] == g711.decode(LOUD)

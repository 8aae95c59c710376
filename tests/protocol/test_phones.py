"""The sound engine against itself over loopback, and a citizen against a unit's telephone: SIPp on both sides, no Asterisk."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import time
from pathlib import Path

import pytest

from hotline.phones import citizens as citizens_module
from hotline.phones.call_log import Call
from hotline.phones.citizens import CITIZEN_SPEECH, Citizen, Citizens
from hotline.phones.engine import Engine
from hotline.phones.errors import MediaError, SippError, StackError
from hotline.phones.info import KeySocket
from hotline.phones.plan import Plan, Press, Report, Stream
from hotline.phones.process import LineProcess
from hotline.phones.rtp import ALAW, Packet, pack
from hotline.phones.seats import SEAT_SPEECH, Seat, Seats
from hotline.phones.sipp import free_port
from hotline.settings import Asterisk, Settings, Trunks
from hotline.waiting import within
from tests.sounds import likeness, samples

PORTS = (citizens_module.FIRST_PORT, citizens_module.LAST_PORT)


def _plan(address: str, *streams: Stream) -> Plan:
    return Plan(address=address, first_port=PORTS[0], last_port=PORTS[1], streams=list(streams))


async def _talk(one: Stream, other: Stream, folder: Path, until_packets: int) -> tuple[Report, Report]:
    """Two engines, one stream each, until the first has sent so many packets' worth of time."""
    for name in ("a", "b"):
        (folder / name).mkdir()
    async with (
        Engine(_plan("127.0.0.1", one), folder / "a") as left,
        Engine(_plan("127.0.0.2", other), folder / "b") as right,
    ):
        left.order(left.ports[0], f"127.0.0.2:{right.ports[0]}")
        await asyncio.sleep(until_packets * 0.02)
    return left.reports[0], right.reports[0]


def test_digits_and_speech_arrive_as_they_were_sent(tmp_path: Path) -> None:
    caller = Stream(cue="packet", presses=[Press(100, "1"), Press(400, "*"), Press(700, "9")], speech=str(CITIZEN_SPEECH))
    agent = Stream(cue="packet", mode="record", recording=str(tmp_path / "heard"), speech=str(SEAT_SPEECH))
    sent, heard = asyncio.run(_talk(caller, agent, tmp_path, 300))
    assert sent.digits_sent == heard.digits_heard == "1*9"
    assert (heard.lost, sent.lost) == (0, 0)
    assert heard.packets is not None
    assert abs(heard.packets - sent.packets_sent) <= 1
    assert heard.recording == str(tmp_path / "heard.wav")
    (recording,) = samples(Path(heard.recording))
    assert likeness(recording, CITIZEN_SPEECH) > 0.9
    assert likeness(recording, SEAT_SPEECH) < 0.6


class _Peer:
    """A socket that sends RTP by hand to an engine's stream."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.2", 0))
        self.socket.connect(("127.0.0.1", port))
        self.number = 0

    def send(self, payload: bytes = b"\x2a" * 160) -> None:
        self.socket.send(pack(Packet(ALAW, False, self.number, self.number * 160, 5, payload)))
        self.number += 1


async def _listen_to(mode: str, deliver: list[bool], folder: Path) -> Report:
    """An engine's stream hears a peer that sends a packet each 20 ms, but withholds some."""
    stream = Stream(mode=mode)  # type: ignore[arg-type]
    async with Engine(_plan("127.0.0.1", stream), folder) as engine:
        peer, start = _Peer(engine.ports[0]), asyncio.get_running_loop().time()
        for place, given in enumerate(deliver):
            await asyncio.sleep(max(0.0, start + place * 0.02 - asyncio.get_running_loop().time()))
            if given:
                peer.send()
            else:
                peer.number += 1
        peer.socket.close()
        assert await engine.until(lambda: bool(engine.reports), 5)
    return engine.reports[0]


def test_withheld_packets_are_reported_as_loss_and_gap(tmp_path: Path) -> None:
    report = asyncio.run(_listen_to("measure", [n not in range(30, 36) for n in range(100)], tmp_path))
    assert (report.packets, report.lost) == (94, 6)
    assert report.gaps is not None
    assert report.gaps >= 1
    assert report.max_gap_ms is not None
    assert 130 < report.max_gap_ms < 400
    assert any(130 < gap.ms < 400 for gap in report.gap_list)


def test_a_call_is_over_when_the_peer_closes_its_port_and_the_next_one_is_a_new_report(tmp_path: Path) -> None:
    async def twice() -> list[Report]:
        async with Engine(_plan("127.0.0.1", Stream(mode="drop")), tmp_path) as engine:
            for calls in (1, 2):
                peer = _Peer(engine.ports[0])
                for _ in range(5):
                    peer.send()
                peer.socket.settimeout(5)
                assert len(await asyncio.to_thread(peer.socket.recv, 2048)) == 172
                peer.socket.close()
                assert await engine.until(lambda: len(engine.reports) == calls, 5)  # noqa: B023
        return engine.reports

    reports = asyncio.run(within(twice(), 30))
    assert [report.ordinal for report in reports] == [1, 2]
    assert all(report.first_audible_at and report.packets is None for report in reports)


def test_packets_go_out_every_twenty_milliseconds(tmp_path: Path) -> None:
    """Fifty telephones at once; the mean must be right, whatever the machine does to single packets."""

    async def many() -> tuple[list[Report], float]:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        streams = [Stream(cue="packet")] * 50
        async with (
            Engine(_plan("127.0.0.1", *streams), tmp_path / "a") as left,
            Engine(_plan("127.0.0.2", *streams), tmp_path / "b") as right,
        ):
            for here, there in zip(left.ports, right.ports, strict=True):
                left.order(here, f"127.0.0.2:{there}")
            begin = time.perf_counter()
            await asyncio.sleep(2)
            for here in left.ports:
                left.order(here, None)
            lasted = time.perf_counter() - begin
        return [report for report in left.reports if report.ordinal == 1], lasted  # a packet under way begins another call

    reports, lasted = asyncio.run(many())
    assert len(reports) == 50
    assert all(abs(report.packets_sent - lasted / 0.02) < 15 for report in reports)


def test_a_plan_without_free_ports_is_refused_in_words(tmp_path: Path) -> None:
    async def start() -> None:
        async with Engine(Plan(address="127.0.0.1", first_port=20000, last_port=20002, streams=[Stream()] * 3), tmp_path):
            pass

    with pytest.raises(MediaError, match="no more free UDP ports"):
        asyncio.run(start())


def test_a_child_that_does_not_end_is_killed(tmp_path: Path) -> None:
    async def stubborn() -> int:
        process = await LineProcess.start(
            ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"], tmp_path, {1: said.append}
        )
        assert await process.until(lambda: said == ["up"], 5)
        return await process.stop(patience=0.2)

    said: list[str] = []
    assert asyncio.run(stubborn()) == -9


def test_keys_for_sip_are_requests_within_the_call() -> None:
    at = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    call = Call(call_id="1-9@127.0.0.2", party="13800000001", port=23000, invited_at=at, answered_at=at, tags=("9c1", "as8f"))
    early = Call(call_id="2-9@127.0.0.2", party="13800000002", port=23002, invited_at=at)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asterisk:
        asterisk.bind(("127.0.0.1", 0))
        asterisk.settimeout(5)
        with KeySocket("127.0.0.2", asterisk.getsockname()) as keys:
            keys.press(early, "1")
            keys.press(call, "5")
            keys.press(call, "#")
            call.ended_at = at
            keys.press(call, "6")
        told = [asterisk.recvfrom(2048) for _ in range(2)]
        asterisk.settimeout(0.2)
        with pytest.raises(TimeoutError):
            asterisk.recv(2048)
    assert {source[0] for _, source in told} == {"127.0.0.2"}
    for number, key, (data, (_, port)) in zip((2, 3), "5#", told, strict=True):
        head, _, body = data.decode().partition("\r\n\r\n")
        assert body == f"Signal={key}\r\nDuration=100\r\n"
        assert f"\r\nContent-Length: {len(body)}" in head
        assert f"\r\nCSeq: {number} INFO\r\n" in head
        assert f"\r\nVia: SIP/2.0/UDP 127.0.0.2:{port};branch=z9hG4bKkey{number}.9c1\r\n" in head
        assert ";tag=9c1\r\n" in head
        assert ";tag=as8f\r\nCall-ID: 1-9@127.0.0.2\r\n" in head


# SIPp against SIPp -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def settings() -> Settings:
    """The hotline's number is answered by a unit's telephone."""
    port = free_port("127.0.0.3")
    return Settings(asterisk=Asterisk(sip_address="127.0.0.3", sip_port=port), trunks=Trunks(unit_port=port))


async def _ring(settings: Settings, citizens: list[Citizen], seat: Seat, rate: float = 5.0) -> tuple[list[Call], list[Call]]:
    async with Seats(settings, None, [seat]) as seats:
        async with Citizens(settings, citizens, rate=rate, name='张 "三" [x]') as calling:
            calls = await calling.results(30)
        await seats.until(lambda: all(call.closed for call in seats.calls), 5)
    return calls, seats.calls


def test_citizen_and_unit_hear_each_other_and_the_keys_arrive(settings: Settings, tmp_path: Path) -> None:
    citizen = Citizen(
        number="13800000001", keys="12", stay_seconds=6, mode="record", recording=tmp_path / "citizen", first_key_ms=200
    )
    unit = Seat(user="12345", ring_seconds=0.2, mode="record", recording=tmp_path / "unit")
    (call,), (answered,) = asyncio.run(_ring(settings, [citizen], unit))
    assert (call.ended_by, answered.ended_by, answered.party) == ("self", "other", "12345")
    assert call.answered_at and answered.answered_at and call.ended_at and answered.ended_at
    assert abs(call.answered_at - answered.answered_at) < dt.timedelta(milliseconds=100)
    assert abs(call.ended_at - answered.ended_at) < dt.timedelta(milliseconds=100)
    assert call.setup_ms is not None
    assert 150 < call.setup_ms < 1000
    assert answered.sound and call.sound
    assert answered.sound.digits_heard == call.sound.digits_sent == "12"
    for name, speech, other in (("citizen", SEAT_SPEECH, CITIZEN_SPEECH), ("unit", CITIZEN_SPEECH, SEAT_SPEECH)):
        (heard,) = samples(tmp_path / f"{name}.wav")
        assert likeness(heard, speech) > 0.9, name
        assert likeness(heard, other) < 0.6, name


def test_the_other_side_may_hang_up_first(settings: Settings) -> None:
    citizens = [Citizen(number="13800000001", stay_seconds=stay) for stay in (0.0, 60.0)]
    calls, answered = asyncio.run(_ring(settings, citizens, Seat(user="12345", ring_seconds=0, talk_seconds=0.5)))
    assert [call.ended_by for call in calls] == ["other", "other"]
    assert [call.ended_by for call in answered] == ["self", "self"]


def test_a_citizen_hangs_up_when_told(settings: Settings) -> None:
    async def told() -> list[Call]:
        async with (
            Seats(settings, None, [Seat(user="12345", ring_seconds=0)]),
            Citizens(settings, [Citizen(number="13800000001", stay_seconds=0)]) as citizens,
        ):
            assert await citizens.until(lambda: any(call.answered_at for call in citizens.calls), 10)
            citizens.hang_up(citizens.calls[0])
            return await citizens.results(10)

    (call,) = asyncio.run(told())
    assert (call.ended_by, call.closed) == ("self", True)


@pytest.mark.parametrize(("behaviour", "status"), [("busy", "486 Busy Here"), ("decline", "603 Decline")])
def test_a_refused_call_is_told_with_its_status(settings: Settings, behaviour: str, status: str) -> None:
    async def refused() -> tuple[list[Call], list[str]]:
        async with (
            Seats(settings, None, [Seat(user="12345", behaviour=behaviour)]),  # type: ignore[arg-type]
            Citizens(settings, [Citizen(number="13800000001")]) as citizens,
        ):
            calls = await citizens.results(20)
            return calls, list(citizens.sipp.refusals().values())

    (call,), statuses = asyncio.run(refused())
    assert (call.answered_at, statuses) == (None, [status])


def test_twenty_calls_at_once_are_told_apart(settings: Settings) -> None:
    """All to one telephone, which has one ear: each call is answered and ended; the numbers are those dialled from."""
    numbers = [f"138000{n:05d}" for n in range(20)]
    citizens = [Citizen(number=number, stay_seconds=1, keys="") for number in numbers]
    calls, answered = asyncio.run(_ring(settings, citizens, Seat(user="12345", ring_seconds=0), 20.0))
    assert [call.party for call in calls] == numbers
    assert all(call.answered_at and call.ended_by == "self" for call in calls)
    assert len(answered) == 20
    assert len({call.port for call in calls}) == 20


def test_citizens_that_leave_the_block_early_hang_up(settings: Settings) -> None:
    async def leave() -> list[Call]:
        async with Seats(settings, None, [Seat(user="12345", ring_seconds=0)]) as seats:
            async with Citizens(settings, [Citizen(number="13800000001", stay_seconds=0)]) as citizens:
                assert await citizens.until(lambda: any(call.answered_at for call in citizens.calls), 10)
            assert await seats.until(lambda: bool(seats.calls) and seats.calls[0].closed, 5)
        return seats.calls

    assert asyncio.run(leave())[0].ended_by == "other"


def test_without_a_stack_the_error_says_what_to_do() -> None:
    async def dial() -> None:
        async with Citizens(Settings(asterisk=Asterisk(sip_port=free_port("127.0.0.1"))), [Citizen(number="1")]):
            pass

    with pytest.raises(StackError, match="the stack is not running"):
        asyncio.run(dial())


def test_a_program_that_is_not_sipp_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_SIPP", "/bin/echo")
    with pytest.raises(SippError, match=r"SIPp 3\.8 or newer is needed"):
        asyncio.run(_ring(settings, [Citizen(number="1")], Seat(user="12345")))

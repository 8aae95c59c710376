"""The AMI link against a loopback peer that cuts, falls silent, talks rubbish, and refuses."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from ami_bridge.codec import Frame
from ami_bridge.errors import ActionRefusedError, LinkLostError, OutcomeUnknownError
from ami_bridge.link import Link
from hotline import clock
from hotline.credentials import AmiUser
from hotline.settings import Ami
from hotline.waiting import within
from tests.ami_peer import Peer, peer, until

USER = AmiUser("bridge", "secret")


class Heard:
    """What a link told."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.downs: list[tuple[dt.datetime, str]] = []
        self.ups = 0
        self.alive = 0

    def hear(self, frames: list[Frame]) -> None:
        self.frames += frames

    async def up(self) -> None:
        self.ups += 1

    def down(self, at: dt.datetime, cause: str) -> None:
        self.downs.append((at, cause))

    def lived(self) -> None:
        self.alive += 1

    def events(self) -> list[str]:
        return [frame.name for frame in self.frames if frame.kind == "event" and frame.name != "FullyBooted"]


@contextlib.asynccontextmanager
async def linked(other: Peer, ping: int = 1, silence: int = 2) -> AsyncIterator[tuple[Link, Heard]]:
    heard = Heard()
    settings = Ami(port=other.port, ping_seconds=ping, silence_seconds=silence)
    link = Link(settings, USER, on_frames=heard.hear, on_up=heard.up, on_down=heard.down, on_alive=heard.lived)
    task = asyncio.get_running_loop().create_task(link.run())
    try:
        await until(lambda: heard.ups or not other.lets_in or not other.answers or other.dies_at)
        yield link, heard
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def answered(link: Link) -> None:
    """Wait until a ping is answered."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(LinkLostError, OutcomeUnknownError):
                if (await link.ask(Action="Ping")).success:
                    return
            await asyncio.sleep(0.01)


def in_a_loop(work: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await work()

    asyncio.run(run())


def test_events_come_in_order_and_a_character_cut_by_a_packet_is_whole() -> None:
    async def work() -> None:
        async with peer() as other, linked(other) as (_, heard):
            name = "Event: Newchannel\r\nCallerIDName: 张三\r\n\r\n".encode()
            for i in range(len(name)):
                other.say(name[i : i + 1])
                await other.connections[-1].drain()
                await asyncio.sleep(0)
            for i in range(200):
                other.event("Hangup", Cause=i)
            await until(lambda: len(heard.events()) == 201)
            assert heard.frames[-201].headers["calleridname"] == "张三"
            assert [frame.headers["cause"] for frame in heard.frames[-200:]] == [str(i) for i in range(200)]

    in_a_loop(work)


def test_a_cut_connection_is_noticed_at_once_and_made_again() -> None:
    async def work() -> None:
        async with peer() as other, linked(other) as (link, heard):
            since, cut_at = link.connected_since, clock.monotonic()
            other.cut()
            await until(lambda: heard.downs)
            assert clock.monotonic() - cut_at < 0.5
            await until(lambda: heard.ups == 2)
            assert clock.monotonic() - cut_at < 2
            assert link.connected_since is not None
            assert link.connected_since != since

    in_a_loop(work)


def test_a_peer_that_falls_silent_is_noticed_within_the_silence_allowed() -> None:
    async def work() -> None:
        async with peer() as other, linked(other) as (link, heard):
            await until(lambda: heard.alive)
            other.answers = False
            before = clock.now()
            await until(lambda: heard.downs, seconds=4)
            at, cause = heard.downs[0]
            assert cause == "nothing heard for 2 s"
            assert at <= before
            assert link.connected_since is None
            other.answers = True
            await until(lambda: heard.ups == 2, seconds=15)

    in_a_loop(work)


def test_the_default_patience_notices_a_half_open_link_within_15_s() -> None:
    settings = Ami()
    assert settings.silence_seconds < 15
    assert settings.ping_seconds * 2 < settings.silence_seconds


def test_a_peer_with_nothing_to_say_but_pongs_is_alive() -> None:
    async def work() -> None:
        async with peer() as other, linked(other) as (_, heard):
            await until(lambda: heard.alive >= 3, seconds=6)
            assert heard.downs == []

    in_a_loop(work)


def test_nothing_is_sent_again_after_a_reconnect_and_its_outcome_is_unknown() -> None:
    async def work() -> None:
        async with peer() as other, linked(other) as (link, heard):
            asked = asyncio.get_running_loop().create_task(link.ask(Action="Originate", Channel="PJSIP/1001"))
            await until(lambda: "Originate" in other.names())
            other.cut()
            with pytest.raises(OutcomeUnknownError):
                await asked
            await until(lambda: heard.ups == 2)
            other.event("Hangup", Cause=16)
            await until(lambda: heard.events() == ["Hangup"])
            assert other.names().count("Originate") == 1

    in_a_loop(work)


def test_a_link_whose_first_questions_are_not_answered_is_made_anew() -> None:
    """Otherwise the gap before it would never be repaired, although the peer is alive."""

    class Asks(Heard):
        link: Link

        async def up(self) -> None:
            await super().up()
            await self.link.send({"Action": "Unheard"}, seconds=0.05)

    async def work() -> None:
        async with peer() as other:
            heard = Asks()
            heard.link = Link(Ami(port=other.port), USER, on_frames=heard.hear, on_up=heard.up, on_down=heard.down)
            task = asyncio.get_running_loop().create_task(heard.link.run())
            await until(lambda: heard.ups >= 2)
            assert "the first questions were not answered" in heard.downs[0][1]
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    in_a_loop(work)


def test_without_a_link_nothing_is_sent() -> None:
    async def work() -> None:
        async with peer() as other, linked(other) as (link, heard):
            await other.stop()
            await until(lambda: heard.downs)
            with pytest.raises(LinkLostError):
                await link.ask(Action="Originate")
            await other.start()
            await until(lambda: heard.ups == 2)
            assert "Originate" not in other.names()

    in_a_loop(work)


def test_a_value_with_a_line_break_is_refused_and_the_link_lives_on() -> None:
    async def work() -> None:
        async with peer() as other, linked(other) as (link, heard):
            with pytest.raises(ActionRefusedError):
                await link.ask(Action="Setvar", Value="x\r\n\r\nAction: Originate")
            assert (await link.ask(Action="Ping")).success
            assert "Setvar" not in other.names()
            assert heard.downs == []

    in_a_loop(work)


def test_a_list_is_answered_whole_and_is_no_event() -> None:
    async def work() -> None:
        async with peer() as other, linked(other) as (link, heard):
            other.channels = ["n-1.0", "n-1.1"]
            answers = await link.ask(Action="CoreShowChannels")
            assert [answer.uniqueid for answer in answers if answer.uniqueid] == ["n-1.0", "n-1.1"]
            assert heard.events() == []

    in_a_loop(work)


def test_a_refused_login_is_tried_again_slowly_and_the_secret_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    async def work() -> None:
        async with peer() as other:
            other.lets_in = False
            async with linked(other) as (link, heard):
                await until(lambda: other.names() == ["Login"])
                with contextlib.suppress(TimeoutError):
                    await within(asyncio.Event().wait(), 1.5)
                assert other.names() == ["Login"]
                assert (heard.ups, link.connected_since) == (0, None)

    in_a_loop(work)
    shown = "".join(capfd.readouterr())
    assert "AMI login refused" in shown
    assert "secret" not in shown


def test_a_connection_that_is_not_let_in_tells_nothing_and_the_one_that_is_begins_with_its_greeting() -> None:
    """A gap lasts until the login: what tells of a connection before that would end it too early (metrics, section 6)."""

    async def work() -> None:
        async with peer() as other:
            other.lets_in = False
            async with linked(other) as (link, heard):
                await until(lambda: other.names() == ["Login"] and other.connections[-1].is_closing())
                assert (heard.frames, heard.ups, heard.downs) == ([], 0, [])
                other.lets_in = True
                await until(lambda: heard.ups == 1)
                await answered(link)
                assert [frame.kind for frame in heard.frames] == ["greeting", "event"]

    in_a_loop(work)


@pytest.mark.parametrize(
    "rubbish",
    [b"\x00\xff" * 5000, b"HTTP/1.1 400 Bad Request\r\n", b"Event: X\r\nA: " + b"y" * 200_000],
)
def test_rubbish_in_the_stream_costs_itself_and_no_more(rubbish: bytes) -> None:
    async def work() -> None:
        async with peer() as other, linked(other) as (_, heard):
            other.say(rubbish + b"\r\n\r\n")
            other.event("Hangup", Cause=16)
            await until(lambda: heard.events() == ["Hangup"])
            assert heard.downs == []

    in_a_loop(work)


def test_a_peer_that_is_no_asterisk_is_left_and_tried_again() -> None:
    async def work() -> None:
        async with peer() as other:
            other.answers, other.greeting = False, b"SSH-2.0-OpenSSH\r\n"
            async with linked(other) as (_, heard):
                await until(lambda: other.connections)
                other.cut()
                await until(lambda: len(other.connections) >= 2)
                other.answers, other.greeting = True, b"Asterisk Call Manager/11.0.0\r\n"
                other.cut()
                await until(lambda: heard.ups == 1)

    in_a_loop(work)


def test_a_connection_that_dies_at_once_is_tried_again() -> None:
    async def work() -> None:
        async with peer() as other:
            other.answers = False
            async with linked(other) as (_, heard):
                for count in (1, 2, 3):
                    await until(lambda count=count: len(other.connections) >= count)  # type: ignore[misc]
                    other.cut()
                other.answers = True
                await until(lambda: heard.ups == 1)

    in_a_loop(work)


@pytest.mark.parametrize("step", ["accept", "greeting", "login", "answer", "booted"])
def test_a_peer_that_dies_at_each_step_of_the_login_is_tried_again_and_does_not_spin(step: str) -> None:
    async def work() -> None:
        async with peer() as other:
            other.dies_at, began = step, clock.monotonic()
            async with linked(other) as (link, _):
                await until(lambda: len(other.connections) >= 3)
                assert clock.monotonic() - began >= 2 * 0.2 * 0.8
                other.dies_at = ""
                await answered(link)
                assert other.names().count("Login") <= len(other.connections)

    in_a_loop(work)


def test_a_peer_that_answers_nothing_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ami_bridge.link._LOGIN_SECONDS", 0.3)

    async def work() -> None:
        async with peer() as other:
            other.answers = False
            async with linked(other) as (_, heard):
                await until(lambda: len(other.connections) >= 3)
                assert other.names().count("Login") == len(other.connections)
                assert heard.ups == 0
                other.answers = True
                await until(lambda: heard.ups)

    in_a_loop(work)


def test_a_link_that_flaps_tells_of_each_connection_and_keeps_what_came_in_order() -> None:
    async def work() -> None:
        async with peer() as other, linked(other) as (_, heard):
            for round_ in range(5):
                await until(lambda round_=round_: heard.ups == round_ + 1)  # type: ignore[misc]
                for i in range(20):
                    other.event("Hangup", Cause=round_ * 20 + i)
                await until(lambda round_=round_: len(heard.events()) == (round_ + 1) * 20)  # type: ignore[misc]
                other.cut()
            causes = [frame.headers["cause"] for frame in heard.frames if frame.name == "Hangup"]
            assert causes == [str(i) for i in range(100)]
            await until(lambda: len(heard.downs) == 5)
            assert [at for at, _ in heard.downs] == sorted(at for at, _ in heard.downs)

    in_a_loop(work)


def test_10_000_events_a_second_are_heard_in_order_in_little_memory() -> None:
    """Two seconds' worth, between answers that come all the same; what lies in the link is a part of a second's events."""
    seen, deepest = 0, 0

    async def work() -> None:
        nonlocal seen, deepest

        def hear(frames: list[Frame]) -> None:
            nonlocal seen, deepest
            for frame in frames:
                if frame.name == "Hangup":
                    assert frame.headers["cause"] == str(seen)
                    seen += 1
            deepest = max(deepest, len(frames))

        async with peer() as other:
            settings = Ami(port=other.port, ping_seconds=1, silence_seconds=5)
            link = Link(settings, USER, on_frames=hear)
            task = asyncio.get_running_loop().create_task(link.run())
            await until(lambda: link.connected_since)
            began = clock.monotonic()
            for batch in range(200):
                block = "Event: VarSet\r\nVariable: x\r\nValue: " + "y" * 200 + "\r\n\r\n"
                other.say("".join(f"{block}Event: Hangup\r\nCause: {batch * 50 + i}\r\n\r\n" for i in range(50)).encode())
                await other.connections[-1].drain()
                await asyncio.sleep(max(0.0, began + (batch + 1) * 0.01 - clock.monotonic()))
            await until(lambda: seen == 10_000)
            assert (await link.ask(Action="Ping")).success
            assert deepest < 5_000
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    in_a_loop(work)


def test_a_list_is_kept_as_it_came_and_an_action_may_wait_longer_for_its_answer() -> None:
    async def work() -> None:
        async with peer() as other, linked(other) as (link, heard):
            other.queues = [{"Event": "QueueParams", "Queue": "hotline"}, {"Event": "QueueMember", "Name": "张三"}]
            frames = await link.listing("QueueStatus")
            assert [frame.name for frame in frames] == ["QueueParams", "QueueMember", "QueueStatusComplete"]
            assert frames[1].headers["name"] == "张三"
            assert frames[1].raw.startswith(b"Event: QueueMember\r\n")
            assert heard.events() == []
            with pytest.raises(OutcomeUnknownError, match=r"within 0\.05 s"):
                await link.send({"Action": "Silence"}, seconds=0.05)
            other.replies["QueueAdd"] = lambda _: "Response: Success\r\nMessage: Added interface to queue\r\n\r\n"
            assert (await link.send({"Action": "QueueAdd"}, as_list=False)).message == "Added interface to queue"

    in_a_loop(work)

"""Recordings over HTTP: who may hear what, ranges, formats, masks, plays, and the mark in what is taken away (QUA-02, SEC-12)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import aiohttp
import numpy as np
import pytest

from acd.permissions import ROLES
from crm.permissions import MATRIX
from desks.conversions import Conversions
from desks.tables import recordings
from hotline.settings import Settings
from recordings.pipeline.processing import Processor
from recordings.playback import playing, watermark
from tests.citizens import ZHANG, task, ticket, units
from tests.desks_peer import Desks, eventually, said, with_desks
from tests.sealed_calls import both, decoded, likeness, speech, taken_in

if TYPE_CHECKING:
    from tests.conftest import Postgres

WHY = "reason=投诉核查"
TREE = {"GOV": None, "CITY": "GOV", "CITY-1": "CITY", "OTHER": "GOV"}


class Stage:
    """A stored conversation of agent 1001 in call c1, its ticket, and whoever looks."""

    def __init__(self, desks: Desks, var: Path) -> None:
        self.desks, self.var = desks, var
        self.recording = self.ticket = 0

    async def begin(self) -> None:
        writer = self.desks.writer
        await self.desks.call(1, caller_number="13905340002", agent="1001")
        self.recording = await taken_in(writer, self.var, "c1", both(), sealed=self.desks.parts.pool)
        self.ticket = await ticket(writer, 1, **ZHANG, node="n1", call_id="c1", accept_agent="1001")

    async def client(self, role: str, username: str = "", *, agent: str = "", unit: str = "") -> aiohttp.ClientSession:
        username = username or f"{role}{unit}".lower()
        token = await self.desks.token(role, username, unit=unit)
        if agent:
            await self.desks.writer.execute("UPDATE accounts SET agent = '' WHERE agent = $1", agent)
            await self.desks.writer.execute(
                "INSERT INTO accounts (username, password_hash, roles, agent, made_by) VALUES ($1, '', ARRAY[$2], $3, 'test')",
                *(username, role, agent),
            )
        return aiohttp.ClientSession(base_url=self.desks.url, headers={"Authorization": f"Bearer {token}"})

    def path(self, rest: str = "", recording: int = 0) -> str:
        return f"/api/recordings/{recording or self.recording}{rest}"

    async def audits(self, action: str) -> list[Any]:
        rows = await self.desks.writer.fetch("SELECT detail FROM audit_log WHERE action = $1 ORDER BY at", action)
        return [json.loads(row["detail"]) for row in rows]


@pytest.fixture
def staged(
    empty_database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Stage], Awaitable[None]]], None]:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))

    def run(work: Callable[[Stage], Awaitable[None]]) -> None:
        async def begun(desks: Desks) -> None:
            stage = Stage(desks, tmp_path / "var")
            await stage.begin()
            await work(stage)

        with_desks(empty_database, begun)

    return run


Staged = Callable[[Callable[[Stage], Awaitable[None]]], None]


async def status(client: aiohttp.ClientSession, path: str, **more: Any) -> int:
    async with client.get(path, **more) as answer:
        await answer.read()
        return answer.status


async def got(client: aiohttp.ClientSession, path: str, **headers: str) -> bytes:
    async with client.get(path, headers=headers) as answer:
        content = await answer.read()
        assert answer.status in (200, 206), (answer.status, content)
        return content


def test_each_role_is_let_to_each_route_as_the_rules_say_and_nobody_else_hears_a_byte(staged: Staged) -> None:
    everybody = {"shift_leader", "supervisor", "quality", "office"}
    with_a_reason = {"supervision_office", "observer"}
    taken = {"agent", "trainee", "dispatcher", "dispatch_lead", "callback_agent"}

    async def work(stage: Stage) -> None:
        await units(stage.desks.writer, TREE)
        await task(stage.desks.writer, stage.ticket, "CITY")
        for role in ROLES:
            unit = "CITY" if role.startswith("unit") else ""
            is_own, is_unit = role in taken, role in ("unit_clerk", "unit_leader")
            async with await stage.client(role, agent="1001" if is_own else "", unit=unit) as client:
                reads = is_own or is_unit or role in everybody | with_a_reason
                assert await status(client, stage.path()) == (200 if reads else 403), role
                assert await status(client, stage.path("/waveform")) == (200 if reads else 403), role
                needs = 422 if role in with_a_reason else 200
                assert await status(client, stage.path("/audio")) == (needs if reads else 403), role
                assert await status(client, stage.path(f"/audio?{WHY}")) == (200 if reads else 403), role
                takes = role in everybody | {"supervision_office"}
                assert await status(client, stage.path(f"/download?{WHY}&to_ms=500")) == (200 if takes else 403), role
                plays = role in everybody | with_a_reason
                assert await status(client, stage.path("/plays")) == (200 if plays else 403), role
                listed = await client.get("/api/recordings?from=2026-11-01&to=2026-12-01")
                assert listed.status == (200 if reads else 403), role
                if reads:
                    assert [one["recording_id"] for one in (await listed.json())["recordings"]] == [stage.recording], role
                masks = {"reason": "证件号码", "from_ms": 0, "to_ms": 1}
                async with client.post(stage.path("/masks"), json=masks) as answer:
                    assert answer.status == (200 if role in MATRIX["recording.mask"] else 403), role

    staged(work)


def test_somebody_elses_recording_is_not_there_for_an_agent_and_no_number_tells_whether_it_is(staged: Staged) -> None:
    async def work(stage: Stage) -> None:
        message = await taken_in(stage.desks.writer, stage.var, "m1", (speech("lamp"),), agent="")
        await ticket(stage.desks.writer, 2, node="n1", call_id="m1", accept_agent="bob")
        async with await stage.client("agent", "bob", agent="1002") as bob:
            for path in ("", "/audio", "/waveform"):
                assert await status(bob, stage.path(path)) == 403
                assert await status(bob, stage.path(path, 999)) == 403
            listed = await said(bob, "GET /api/recordings?from=2026-11-01")
            assert [one["recording_id"] for one in listed["recordings"]] == [message]
            assert await status(bob, stage.path("/audio", message)) == 200
        async with await stage.client("office") as office:
            assert await status(office, stage.path("/audio", 999)) == 404
            assert await status(office, "/api/recordings/abc/audio") == 404
        async with await stage.client("agent", "none") as without_a_number:
            assert await status(without_a_number, stage.path("/audio")) == 403
        assert len(await stage.audits("recording.hear.refused")) == 3

    staged(work)


def test_a_unit_hears_its_open_tickets_without_number_and_nothing_that_is_confidential(staged: Staged) -> None:
    """SEC-02, SEC-08, CNF-31: also not when another ticket of the same call is confidential."""

    async def work(stage: Stage) -> None:
        writer = stage.desks.writer
        await units(writer, TREE)
        given = await task(writer, stage.ticket, "CITY-1")
        async with (
            await stage.client("unit_clerk", unit="CITY") as above,
            await stage.client("unit_clerk", unit="CITY-1") as clerk,
            await stage.client("unit_leader", unit="OTHER") as other,
        ):
            assert await status(above, stage.path("/audio")) == await status(clerk, stage.path("/audio")) == 200
            assert await status(other, stage.path("/audio")) == 403
            shown = await said(clerk, f"GET {stage.path()}")
            assert (shown["caller"], shown["call_id"], shown["tickets"]) == ("", "", [str(stage.ticket)])
            assert "recording.download" not in shown["may"]
            assert (await said(other, "GET /api/recordings?from=2026-11-01"))["recordings"] == []
            await said(clerk, "GET /api/recordings?call=c1", status=403)
            second = await ticket(writer, 2, node="n1", call_id="c1")
            assert await status(clerk, stage.path("/audio")) == 200
            (line,) = (await said(clerk, "GET /api/recordings?from=2026-11-01"))["recordings"]
            assert line["tickets"] == [str(stage.ticket)]
            assert (await said(clerk, f"GET /api/recordings?ticket=T{stage.ticket}"))["recordings"] == [line]
            assert (await said(clerk, f"GET /api/recordings?ticket=T{second}"))["recordings"] == []
            for change in ("hidden = '{name}'", "hidden = '{}', anonymous = true", "anonymous = false, accused_unit = 'OTHER'",
                           "accused_unit = '', nature = 'report'", "nature = 'help', misconduct = true"):  # fmt: skip
                await writer.execute(f"UPDATE tickets SET {change} WHERE ticket_id = $1", second)
                assert await status(clerk, stage.path("/audio")) == 403, change
                assert (await said(clerk, "GET /api/recordings?from=2026-11-01"))["recordings"] == []
            await writer.execute("UPDATE tickets SET misconduct = false WHERE ticket_id = $1", second)
            assert await status(clerk, stage.path("/audio")) == 200
            await writer.execute("UPDATE ticket_tasks SET ended_by = 'returned', ended_at = now() WHERE task_id = $1", given)
            assert await status(clerk, stage.path("/audio")) == 403

    staged(work)


def test_who_comes_when_the_machine_converts_enough_is_told_to_come_again_and_hears_it_as_it_is_stored(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversions = Conversions(1)
    monkeypatch.setattr(recordings, "CONVERSIONS", conversions)

    async def work(stage: Stage) -> None:
        converted = (stage.path("/audio?format=wav&to_ms=300"), stage.path(f"/download?{WHY}&to_ms=300"))
        async with await stage.client("office") as office:
            with conversions.one():
                for path in converted:
                    async with office.get(path) as answer:
                        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
                        assert (await answer.json())["error"]["code"] == "too_busy"
                assert await status(office, stage.path("/audio")) == 200
                async with office.head(converted[0]) as answer:
                    assert answer.status == 200
            assert [await status(office, path) for path in converted * 2] == [200] * 4  # each gives its place back

    staged(work)


def test_a_player_is_sent_the_range_that_it_asks_for(staged: Staged) -> None:
    async def work(stage: Stage) -> None:
        path = stage.path("/audio")
        async with await stage.client("office") as office:
            async with office.get(path) as answer:
                whole = await answer.read()
                assert (answer.status, answer.content_type) == (200, "audio/ogg")
                assert answer.headers["Accept-Ranges"] == "bytes" and answer.headers["Cache-Control"] == "private, no-store"
                assert answer.headers["Server"] == "hotline" and int(answer.headers["Content-Length"]) == len(whole)
                tag = answer.headers["ETag"]
            sizes = (
                f"0-99/{len(whole)}",
                f"100-{len(whole) - 1}/{len(whole)}",
                f"{len(whole) - 7}-{len(whole) - 1}/{len(whole)}",
            )
            for asked, told, part in zip(("0-99", "100-", "-7"), sizes, (whole[:100], whole[100:], whole[-7:]), strict=True):
                async with office.get(path, headers={"Range": f"bytes={asked}"}) as answer:
                    assert (answer.status, answer.headers["Content-Range"]) == (206, f"bytes {told}")
                    assert await answer.read() == part and answer.headers["ETag"] == tag
            for wrong in (f"bytes={len(whole)}-", "bytes=5-2", "bytes=0-1,4-5", "lines=1-2"):
                async with office.get(path, headers={"Range": wrong}) as answer:
                    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{len(whole)}")
                    assert (await answer.json())["error"]["code"] == "bad_range"
            for given, expected in ((tag, 206), ('"another"', 200)):
                assert await status(office, path, headers={"Range": "bytes=0-9", "If-Range": given}) == expected
            before = await stage.audits("recording.hear")
            async with office.head(path) as answer:
                assert (answer.status, await answer.read(), answer.headers["Content-Length"]) == (200, b"", str(len(whole)))
            assert await stage.audits("recording.hear") == before
            (caller, agent), wanted = await decoded(whole), both()
            assert likeness(caller, wanted[0]) > 0.95 and likeness(agent, wanted[1]) > 0.95

    staged(work)


@pytest.mark.parametrize("sealed", [True, False])
def test_any_format_side_and_stretch_is_the_recording(staged: Staged, sealed: bool) -> None:
    async def work(stage: Stage) -> None:
        caller, agent = both()
        recording = stage.recording
        if not sealed:
            recording = await taken_in(stage.desks.writer, stage.var, "c2", both())
        async with await stage.client("quality") as quality:
            for form in ("opus", "wav", "mp3"):
                left, right = await decoded(await got(quality, stage.path(f"/audio?format={form}", recording)))
                assert likeness(left, caller) > 0.94 and likeness(right, agent) > 0.94, form
                assert abs(len(left) - len(caller)) < 1600, form
            (heard,) = await decoded(await got(quality, stage.path("/audio?format=wav&side=right", recording)))
            assert likeness(heard, agent) > 0.95 and 0 <= len(agent) - len(heard) < 8
            (heard,) = await decoded(
                await got(quality, stage.path("/audio?format=wav&side=left&from_ms=1000&to_ms=4000", recording))
            )
            assert len(heard) == 24000 and likeness(heard, caller[8000:32000], within=40) > 0.95
            (fast,) = await decoded(await got(quality, stage.path("/audio?format=mp3&side=left&speed=2", recording)))
            assert abs(len(fast) - len(caller) / 2) < 2400
            slow = await decoded(await got(quality, stage.path("/audio?format=wav&speed=0.5&to_ms=2000", recording)))
            assert abs(len(slow[0]) - 32000) < 1600
            for wrong in ("format=flac", "side=both", "speed=9", "speed=0.4", "from_ms=-1", "to_ms=x"):
                assert await status(quality, stage.path(f"/audio?{wrong}", recording)) == 400, wrong
            for wrong in ("from_ms=99999999", "from_ms=500&to_ms=400"):
                assert await status(quality, stage.path(f"/audio?{wrong}", recording)) == 422, wrong

    staged(work)


def test_what_is_masked_is_silent_in_sound_and_picture_until_it_is_lifted(staged: Staged) -> None:
    async def work(stage: Stage) -> None:
        order, mask = f"POST {stage.path('/masks')}", {"from_ms": 1000, "to_ms": 3000, "reason": "银行卡号"}
        async with (
            await stage.client("agent", "1001", agent="1001") as agent,
            await stage.client("shift_leader") as leader,
            await stage.client("quality") as quality,
        ):
            points = (await said(leader, f"GET {stage.path('/waveform')}"))["tracks"][0]
            for wrong in ({"to_ms": 10**8}, {"to_ms": 500}, {"reason": " "}):
                await said(agent, order, mask | wrong, 422)
            made = (await said(agent, order, mask))["mask_id"]
            for form in ("opus", "wav"):
                async with leader.get(stage.path(f"/audio?format={form}")) as answer:
                    assert (answer.status, answer.headers["Accept-Ranges"]) == (200, "none")
                    left, _ = await decoded(await answer.read())
                inside, before = left[8400:23600].astype(int), left[2000:7600].astype(int)
                assert np.abs(inside).max() <= (30 if form == "opus" else 0) < np.abs(before).max(), form
            left, _ = await decoded(await got(quality, stage.path("/audio?format=wav")))
            assert np.abs(left[8000:24000].astype(int)).max() > 1000
            left, _ = await decoded(await got(leader, stage.path("/download?format=wav")))
            assert not left[8000:24000].any() and left.any()
            place = (1000 * 800 // 14687 + 1, 3000 * 800 // 14687 - 1)
            flat = (await said(leader, f"GET {stage.path('/waveform')}"))["tracks"][0]
            assert max(points[slice(*place)]) > 0 == max(flat[slice(*place)])
            drawn = ElementTree.fromstring(await got(leader, stage.path("/waveform?format=svg")))
            assert "mask" in [shape.get("class") for shape in drawn.iter()]
            undo = f"POST {stage.path(f'/masks/{made}/lift')}"
            await said(quality, f"POST {stage.path('/masks/77/lift')}", {"reason": "x"}, 404)
            await said(quality, undo, {"reason": ""}, 422)
            await said(quality, undo, {"reason": "误设"})
            await said(quality, undo, {"reason": "误设"}, 409)
            left, _ = await decoded(await got(leader, stage.path("/audio?format=wav")))
            assert np.abs(left[8000:24000].astype(int)).max() > 1000
            other = (await said(quality, order, mask))["mask_id"]
            await said(agent, f"POST {stage.path(f'/masks/{other}/lift')}", {"reason": "x"}, 403)
        assert len(await stage.audits("recording.mask")) == 2 and len(await stage.audits("recording.unmask")) == 1

    staged(work)


def test_requests_of_a_listener_are_one_play_and_it_is_known_what_was_heard(staged: Staged) -> None:
    async def work(stage: Stage) -> None:
        path = stage.path("/audio")
        async with await stage.client("supervisor") as one, await stage.client("observer") as other:
            size = len(await got(one, path))
            await asyncio.gather(*(got(one, path, Range=f"bytes={at}-{at + 99}") for at in range(0, 1000, 100)))
            await got(one, stage.path("/audio?format=wav&side=left&from_ms=2000&to_ms=3000"))
            await got(other, f"{path}?{WHY}", Range=f"bytes=0-{size // 2 - 1}")
            await got(one, stage.path("/download?format=wav&to_ms=1000"))
            listed = (await said(other, f"GET {stage.path('/plays')}"))["plays"]
        told = [(play["listener"], play["kind"], play["side"], play["requests"], play["reason"]) for play in listed]
        assert told == [
            ("supervisor", "downloaded", "", 1, ""),
            ("observer", "listened", "", 1, "投诉核查"),
            ("supervisor", "listened", "left", 1, ""),
            ("supervisor", "listened", "", 11, ""),
        ]
        taken, half, part, whole = listed
        assert whole["asked"] == whole["sent"] == [[0, 14687]]
        assert part["sent"] == [[2000, 3000]] and taken["sent"] == [[0, 1000]]
        assert abs(half["sent"][0][1] - 7343) < 3
        assert [line["reason"] for line in await stage.audits("recording.hear")] == ["", "", "投诉核查"]
        await stage.desks.writer.execute("UPDATE recording_plays SET last_at = last_at - interval '6 minutes'")
        async with await stage.client("supervisor") as one:
            await got(one, path)
        assert await stage.desks.writer.fetchval("SELECT count(*) FROM recording_plays") == 5

    staged(work)


@pytest.mark.parametrize("form", ["wav", "mp3"])
def test_a_file_that_is_taken_away_says_who_took_it(staged: Staged, form: str) -> None:
    async def work(stage: Stage) -> None:
        async with await stage.client("office") as office, office.get(stage.path(f"/download?format={form}")) as answer:
            content = await answer.read()
            name = f'attachment; filename="recording-{stage.recording}.{form}"'
            assert (answer.status, answer.headers["Content-Disposition"]) == (200, name)
        play = await stage.desks.writer.fetchval("SELECT play_id FROM recording_plays WHERE kind = 'downloaded'")
        assert f"recording {stage.recording} play {play} office 20".encode() in content
        sides = await decoded(content)
        assert watermark.read(sides) == play
        assert likeness(sides[0], both()[0]) > 0.93

    staged(work)


def ffmpegs() -> int:
    """How many this process has started that still run."""
    found = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = file.read_text().partition(" (")[2].rpartition(") ")
            found += "ffmpeg" in name and int(rest.split()[1]) == os.getpid()
    return found


def test_when_a_listener_breaks_off_ffmpeg_ends_and_only_what_was_sent_counts_as_heard(staged: Staged) -> None:
    async def work(stage: Stage) -> None:
        long = np.tile(speech("lamp"), 60)
        recording = await taken_in(stage.desks.writer, stage.var, "c3", (long, long), sealed=stage.desks.parts.pool)
        async with await stage.client("office") as office:
            answer = await office.get(stage.path("/audio?format=wav", recording))
            await answer.content.readexactly(100_000)
            assert ffmpegs() > 0
            answer.close()

            async def is_over() -> bool:
                sent = "SELECT upper(sent) FROM recording_plays WHERE recording_id = $1"
                return ffmpegs() == 0 and await stage.desks.writer.fetchval(sent, recording) is not None

            await eventually(is_over)
        found = await stage.desks.writer.fetchval("SELECT upper(sent) FROM recording_plays WHERE recording_id = $1", recording)
        assert 3000 < found < 500_000

    staged(work)


def test_what_is_deleted_or_cannot_be_read_is_said_to_be_so(staged: Staged) -> None:
    async def work(stage: Stage) -> None:
        writer = stage.desks.writer
        async with await stage.client("office") as office:
            await writer.execute(
                "UPDATE recordings SET object = '../../../etc/passwd.opus' WHERE recording_id = $1", stage.recording
            )
            bad = await said(office, f"GET {stage.path('/audio')}", status=502)
            assert (bad["error"]["code"], bad["error"]["details"]["why"]) == ("recording_unreadable", "BadNameError")
            plain = await taken_in(writer, stage.var, "c4", both())
            (stage.var / "recordings" / "2026/11/22/n1-c4.wav").unlink()
            assert await status(office, stage.path("/audio", plain)) == 502
            assert await status(office, stage.path("/waveform", plain)) == 502
            (stage.var / "recordings" / "2026/11/22/n1-c4.wav").write_bytes(b"no sound " * 100)
            bad = await said(office, f"GET {stage.path('/waveform', plain)}", status=502)
            assert (bad["error"]["code"], bad["error"]["details"]["why"]) == ("recording_unreadable", "NotWavError")
            await writer.execute(
                "UPDATE recordings SET state = 'deleted', deleted_at = now() WHERE recording_id = $1", stage.recording
            )
            for path in ("/audio", "/download", "/waveform"):
                assert (await said(office, f"GET {stage.path(path)}", status=410))["error"]["code"] == "recording_deleted"
            assert (await said(office, f"GET {stage.path()}"))["state"] == "deleted"
            await said(office, f"POST {stage.path('/masks')}", {"from_ms": 0, "to_ms": 1, "reason": "x"}, 410)
        assert await writer.fetchval("SELECT count(*) FROM recording_plays") == 0

    staged(work)


def test_recordings_are_found_by_call_ticket_agent_kind_length_and_page(staged: Staged) -> None:
    async def work(stage: Stage) -> None:
        writer = stage.desks.writer
        message = await taken_in(writer, stage.var, "m1", (speech("lamp"),), agent="")
        later = await taken_in(writer, stage.var, "c9", both(), agent="1002")
        everything = [later, message, stage.recording]
        async with await stage.client("observer") as observer:

            async def ids(query: str) -> list[int]:
                return [one["recording_id"] for one in (await said(observer, f"GET /api/recordings?{query}"))["recordings"]]

            assert await ids("from=2026-11-01") == everything
            assert await ids("from=2026-11-23&to=2026-12-01") == []
            assert await ids("call=c9") == [later] and await ids("call=nothing") == []
            assert await ids(f"ticket=T{stage.ticket}") == [stage.recording]
            assert await ids("from=2026-11-01&agent=1002") == [later]
            assert await ids("from=2026-11-01&kind=message") == [message]
            assert await ids("from=2026-11-01&quality=fax") == []
            assert await ids("from=2026-11-01&longest_ms=9000") == [message]
            assert await ids("from=2026-11-01&shortest_ms=9000") == [later, stage.recording]
            assert await ids("from=2026-11-01&limit=2") == everything[:2]
            assert await ids(f"from=2026-11-01&limit=2&before={message}") == everything[2:]
            assert await status(observer, "/api/recordings?before=x") == 400
            shown = await said(observer, f"GET {stage.path()}")
            assert [voice["name"] for voice in shown["voices"]] == ["", "1001"]
            assert (shown["format"], shown["reason_needed"], shown["caller"]) == ("opus", True, "13905340002")
            assert shown["segments"] and shown["transcript"] == "waiting"
        async with await stage.client("quality") as quality:
            assert (await said(quality, f"GET {stage.path()}"))["caller"] == "***0002"
        lines = await stage.audits("recording.list")
        assert len(lines) == 12 and lines[0]["recordings"] == everything

    staged(work)


def test_evidence_about_a_ticket_holds_the_sound_with_its_hash(staged: Staged) -> None:
    """CAL-09: and says which sound is not there any more."""

    async def work(stage: Stage) -> None:
        gone = await taken_in(stage.desks.writer, stage.var, "m1", (speech("lamp"),))
        plain = await taken_in(stage.desks.writer, stage.var, "m2", (speech("pension"),))
        for number, call in ((2, "m1"), (3, "m2")):
            await ticket(stage.desks.writer, number, node="n1", call_id=call)
        for call in ("m1", "m2"):
            await stage.desks.writer.execute(
                "INSERT INTO ticket_callbacks (callback_id, ticket_id, at, by, reached, node, call_id)"
                " VALUES (gen_random_uuid(), $1, now(), 'x', true, 'n1', $2)",
                *(stage.ticket, call),
            )
        await stage.desks.writer.execute(
            "UPDATE recordings SET state = 'deleted', deleted_at = now() WHERE recording_id = $1", gone
        )
        async with await stage.client("office") as office:
            archive = zipfile.ZipFile(io.BytesIO(await got(office, f"/api/tickets/{stage.ticket}/evidence")))
            whole = await got(office, stage.path("/audio"))
        assert archive.testzip() is None
        manifest = json.loads(archive.read("manifest.json"))
        assert manifest["missing"] == {str(gone): "recording_deleted"}
        sounds = {f"recordings/{stage.recording}.opus", f"recordings/{plain}.wav"}
        assert sounds < set(manifest["sha256"]) == set(archive.namelist()) - {"manifest.json"}
        assert all(hashlib.sha256(archive.read(name)).hexdigest() == said for name, said in manifest["sha256"].items())
        assert archive.read(f"recordings/{stage.recording}.opus") == whole
        listed = json.loads(archive.read("recordings.json"))
        assert len(listed) == 3 and not {"wrapped_key", "peaks"} & set(listed[0])
        plays = await stage.desks.writer.fetch("SELECT reason FROM recording_plays WHERE kind = 'downloaded'")
        assert [play["reason"] for play in plays] == ["evidence"] * 2

    staged(work)


def test_evidence_holds_nothing_of_a_sound_that_breaks_off(staged: Staged) -> None:
    """CAL-09, SEC-12: what no hash covers and no play says was taken is not in the archive."""

    async def work(stage: Stage) -> None:
        name = await stage.desks.writer.fetchval("SELECT object FROM recordings WHERE recording_id = $1", stage.recording)
        stored = stage.var / "recordings" / "stored" / name
        content = bytearray(stored.read_bytes())
        content[-100] ^= 1
        stored.write_bytes(content)
        async with await stage.client("office") as office:
            archive = zipfile.ZipFile(io.BytesIO(await got(office, f"/api/tickets/{stage.ticket}/evidence")))
        manifest = json.loads(archive.read("manifest.json"))
        assert manifest["missing"] == {str(stage.recording): "DamagedError"}
        assert set(manifest["sha256"]) == set(archive.namelist()) - {"manifest.json"}
        assert await stage.desks.writer.fetchval("SELECT count(*) FROM recording_plays") == 0

    staged(work)


def test_a_recording_that_is_sealed_while_it_is_being_opened_is_in_the_evidence_and_in_the_picture(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CAL-09, QUA-02: the row was read before, and its WAV file is gone after."""

    async def work(stage: Stage) -> None:
        loop, opened = asyncio.get_running_loop(), playing.plain
        fresh: list[int] = []

        def sealed_first(*given: Any, **more: Any) -> playing.Source:
            done = Processor(stage.var, stage.desks.parts.pool, Settings()).process(fresh.pop())
            asyncio.run_coroutine_threadsafe(done, loop).result()
            return opened(*given, **more)

        async def message(call: str) -> int:
            fresh.append(await taken_in(stage.desks.writer, stage.var, call, (speech("lamp"),)))
            return fresh[0]

        monkeypatch.setattr(playing, "plain", sealed_first)
        async with await stage.client("office") as office:
            drawn = await said(office, f"GET {stage.path('/waveform', await message('m1'))}")
            assert max(drawn["tracks"][0]) > 0
            recording, about = await message("m2"), await ticket(stage.desks.writer, 2, node="n1", call_id="m2")
            archive = zipfile.ZipFile(io.BytesIO(await got(office, f"/api/tickets/{about}/evidence")))
        assert json.loads(archive.read("manifest.json"))["missing"] == {}
        assert f"recordings/{recording}.opus" in archive.namelist()

    staged(work)

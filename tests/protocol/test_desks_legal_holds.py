"""Legal holds and the preview of what goes, over HTTP (ARC-09)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from hotline import clock
from tests.desks_peer import Desks, as_, said, with_desks

if TYPE_CHECKING:
    from tests.conftest import Postgres


async def recording(desks: Desks, call: str, days: int) -> int:
    number: int = await desks.writer.fetchval(
        "INSERT INTO recordings (node, call_id, kind, file, started_at, length_ms, channels, sha256)"
        " VALUES ('n1', $1, 'conversation', $1, $2, 1, 2, '') RETURNING recording_id",
        call,
        clock.now() - dt.timedelta(days=days),
    )
    return number


def test_the_office_holds_and_lifts_the_observer_reads_and_nobody_else_does_either(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        one = await recording(desks, "1.1", 800)
        async with await as_(desks, "office") as office, await as_(desks, "observer") as observer:
            order = {"kind": "recording", "which": str(one), "reason": "诉讼"}
            held = await said(office, "POST /api/legal-holds", order)
            assert (held["recording_id"], held["set_by"], held["lifted_at"]) == (one, "office", None)
            assert (await said(observer, "GET /api/legal-holds"))["holds"] == [held]
            assert (await said(observer, "POST /api/legal-holds", order, 403))["error"]["code"] == "forbidden"
            lift = f"POST /api/legal-holds/{held['hold_id']}/lift"
            await said(observer, lift, {"reason": "x"}, 403)
            assert (await said(office, lift, {"reason": "结案"}))["lifted_why"] == "结案"
            assert (await said(office, lift, {"reason": "x"}, 409))["error"]["code"] == "hold_lifted"
            assert (await said(office, "GET /api/legal-holds"))["total"] == 0
            assert (await said(office, "GET /api/legal-holds?lifted=true"))["total"] == 1
        for role in ("agent", "unit_clerk", "administrator", "quality", "guest"):
            async with await as_(desks, role) as other:
                await said(other, "POST /api/legal-holds", order, 403)
                await said(other, "GET /api/legal-holds", None, 403)
                await said(other, "GET /api/recordings/retention", None, 403)
        seen = await desks.writer.fetch("SELECT action FROM audit_log WHERE subject = $1 ORDER BY entry_id", f"recording:{one}")
        assert [line["action"] for line in seen] == ["recording.hold", "recording.hold.lift"]

    with_desks(empty_database, work)


def test_the_preview_shows_what_goes_in_the_next_days_page_by_page(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        numbers = [await recording(desks, f"{days}.1", days) for days in (900, 800, 715, 300)]
        async with await as_(desks, "supervision_office") as client:
            await said(client, "POST /api/legal-holds", {"kind": "call", "which": "800.1", "node": "n1", "reason": "x"})
            first = await said(client, "GET /api/recordings/retention?limit=2")
            assert [(one["recording_id"], one["kept"]) for one in first["recordings"]] == [(numbers[0], ""), (numbers[1], "held")]
            rest = await said(client, f"GET /api/recordings/retention?limit=2&after={first['next']}")
            assert [one["recording_id"] for one in rest["recordings"]] == [numbers[2]] and rest["next"] is None
            until = f"{clock.now() + dt.timedelta(days=700):%Y-%m-%d}"
            assert len((await said(client, f"GET /api/recordings/retention?until={until}"))["recordings"]) == 4
            assert (await said(client, "GET /api/recordings/retention?after=999999", None, 404))["error"][
                "code"
            ] == "unknown_recording"

    with_desks(empty_database, work)


REFUSED: tuple[tuple[dict[str, str], int], ...] = (
    ({}, 400),
    ({"kind": "recording", "which": "1", "reason": ""}, 400),
    ({"kind": "recording", "which": "1", "reason": "a\x00b"}, 400),
    ({"kind": "recording", "which": "1", "reason": "a\nb"}, 400),
    ({"kind": "recording", "which": "1", "reason": "x" * 201}, 400),
    ({"kind": "recording", "which": "../1", "reason": "x"}, 400),
    ({"kind": "everything", "which": "1", "reason": "x"}, 400),
    ({"kind": "recording", "which": "1", "reason": "x", "by": "me"}, 400),
    ({"kind": "recording", "which": "1", "reason": "   "}, 422),
    ({"kind": "recording", "which": "1", "reason": "x"}, 404),
    ({"kind": "recording", "which": "9" * 60, "reason": "x"}, 404),
    ({"kind": "call", "which": "1.1", "reason": "x"}, 404),
    ({"kind": "call", "which": "1.1", "node": "n 1", "reason": "x"}, 400),
    ({"kind": "ticket", "which": "2026112200001", "reason": "x"}, 404),
    ({"kind": "ticket", "which": "9" * 18, "reason": "x"}, 404),
)


def test_what_cannot_be_held_is_refused(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with await as_(desks, "office") as client:
            for body, status in REFUSED:
                await said(client, "POST /api/legal-holds", body, status)
            assert (await said(client, "GET /api/legal-holds?lifted=true"))["total"] == 0

    with_desks(empty_database, work)

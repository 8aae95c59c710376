"""Webhooks and a real receiver on loopback: signed, in order for each ticket, until it is taken, never lost, and nowhere else."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg
import msgspec
import pytest
from aiohttp import web

from acd.parts import Parts
from acd.permissions import Person
from crm.errors import RefusedError
from crm.tickets.ticket import Ticket
from crm.webhooks import outbox, sending, subscriptions
from hotline import clock, database
from hotline.paths import TREE
from hotline.settings import Settings, Webhooks
from tests.desks_peer import Desks, eventually, with_desks
from tests.webhook_receiver import Receiver, documented, receiving
from tests.webhook_sender import QUICK

if TYPE_CHECKING:
    from tests.conftest import Postgres

ADMIN = Person("root", "administrator")
FIRST = 2026112200001


class Trial:
    """Tickets that change, a receiver, and a sender when one is wanted."""

    def __init__(self, server: Postgres, pool: asyncpg.Pool, receiver: Receiver, chosen: Webhooks) -> None:
        self.server, self.receiver = server, receiver
        self.parts = Parts(msgspec.structs.replace(Settings(), webhooks=chosen), pool, "node1")
        self.id = uuid.uuid4()

    async def subscribe(self, url: str = "", events: list[str] | None = None) -> uuid.UUID:
        added = await subscriptions.add(self.parts, ADMIN, name="city", url=url or self.receiver.url, events=events or [])
        if not url:
            self.receiver.secret, self.id = added.secret, added.subscription.subscription_id
        return added.subscription.subscription_id

    async def change(self, ticket_id: int, action: str, version: int, *, fails: bool = False) -> None:
        """What a use case does: a locked row, and a note in its transaction."""
        ticket = Ticket(ticket_id=ticket_id, version=version, made_at=clock.now(), made_by="1001", content="secret words")
        async with self.parts.pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(
                "INSERT INTO tickets (ticket_id, channel, state, profile, made_at, made_by, updated_at)"
                " VALUES ($1, 'telephone', 'draft', 'dezhou', now(), '1001', now()) ON CONFLICT DO NOTHING",
                ticket_id,
            )
            await connection.execute("SELECT FROM tickets WHERE ticket_id = $1 FOR UPDATE", ticket_id)
            await outbox.note(connection, action, ticket, clock.now(), from_state="draft")
            await (transaction.rollback() if fails else transaction.commit())

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(sending.run(self.parts))
            yield
            task.cancel()

    async def states(self) -> list[tuple[str, str]]:
        rows = await self.parts.pool.fetch("SELECT event, state FROM webhook_deliveries ORDER BY place")
        return [(row["event"], row["state"]) for row in rows]

    async def settled(self, *, dead: int = 0) -> None:
        async def holds() -> bool:
            states = [state for _, state in await self.states()]
            return "waiting" not in states and states.count("dead") == dead

        await eventually(holds)

    def told(self) -> list[tuple[str, int, str]]:
        """What the receiver was told, each delivery once: number, version, event."""
        found = {delivery: json.loads(body) for delivery, _, body in self.receiver.got}
        return [(said["number"], said["version"], said["event"]) for said in found.values()]


def with_trial(server: Postgres, work: Callable[[Trial], Awaitable[None]], chosen: Webhooks = QUICK) -> None:
    async def run() -> None:
        async with await database.pool(server.dsn, name="crm") as pool, receiving() as receiver:
            await work(Trial(server, pool, receiver, chosen))

    asyncio.run(run())


def test_what_happens_to_a_ticket_is_told_signed_and_without_the_citizen(empty_database: Postgres) -> None:
    async def work(trial: Trial) -> None:
        await trial.subscribe()
        await trial.change(FIRST, "opened", 1)
        await trial.change(FIRST, "dispatch", 2, fails=True)
        async with trial.sending():
            await trial.settled()
        ((delivery, headers, body),) = trial.receiver.got
        assert uuid.UUID(delivery) and headers["Hotline-Event"] == "opened"
        said = json.loads(body)
        assert said["number"] == f"T{FIRST}" and said["version"] == 1 and said["from_state"] == "draft"
        assert "secret words" not in body.decode() and not {"content", "made_by", "caller_name"} & said.keys()
        for language in ("", ".zh-CN"):
            is_genuine = documented(language)
            signed = headers["Hotline-Signature"]
            assert is_genuine(trial.receiver.secret, signed, delivery, body)
            assert not is_genuine(trial.receiver.secret, signed, delivery, body + b" ")
            assert not is_genuine(trial.receiver.secret, signed, str(uuid.uuid4()), body)
            assert not is_genuine("another secret", signed, delivery, body)
            assert not is_genuine(trial.receiver.secret, signed.replace("t=1", "t=2"), delivery, body)
            assert not is_genuine(trial.receiver.secret, "", delivery, body)

    with_trial(empty_database, work)


def test_only_what_is_wanted_is_told_and_what_is_paused_waits(empty_database: Postgres) -> None:
    async def work(trial: Trial) -> None:
        await trial.change(FIRST, "opened", 1)
        assert await trial.states() == [], "nobody listens, nothing is noted"
        await trial.subscribe(events=["dispatch", "reply"])
        await trial.change(FIRST, "accept", 2)
        await subscriptions.amend(trial.parts, ADMIN, trial.id, state="paused")
        await trial.change(FIRST, "dispatch", 3)
        async with trial.sending():
            other = await trial.subscribe(f"{trial.receiver.url}/elsewhere")
            await trial.change(FIRST + 1, "opened", 1)
            await eventually(lambda: _tried(trial, other))
            assert trial.receiver.got == []
            await subscriptions.end(trial.parts, ADMIN, other)
            await subscriptions.amend(trial.parts, ADMIN, trial.id, state="active")
            await eventually(lambda: _count(trial, 1))
        assert trial.told() == [(f"T{FIRST}", 3, "dispatch")]

    with_trial(empty_database, work)


async def _tried(trial: Trial, subscription: uuid.UUID) -> bool:
    return bool(
        await trial.parts.pool.fetchval("SELECT sum(tries) FROM webhook_deliveries WHERE subscription_id = $1", subscription)
    )


async def _count(trial: Trial, least: int) -> bool:
    return len(trial.receiver.got) >= least


def test_a_receiver_that_fails_is_told_again_under_the_same_id_and_its_order_is_kept(empty_database: Postgres) -> None:
    async def work(trial: Trial) -> None:
        async def moody(number: int) -> web.StreamResponse:
            if number in (1, 2):
                return web.Response(status=500)
            if number == 4:
                raise web.HTTPFound("/elsewhere")
            return web.Response(status=200, text="x" * 1_000_000 if number == 5 else "thank you")

        trial.receiver.answer = moody
        await trial.subscribe()
        for version in (1, 2, 3):
            await trial.change(FIRST, "note", version)
        async with trial.sending():
            await trial.settled()
        versions = [json.loads(body)["version"] for _, _, body in trial.receiver.got]
        assert versions == [1, 1, 1, 2, 2, 3]
        assert len({delivery for delivery, _, _ in trial.receiver.got}) == 3

    with_trial(empty_database, work)


def test_a_slow_and_a_dead_receiver_delay_no_other(empty_database: Postgres) -> None:
    async def work(trial: Trial) -> None:
        async with receiving() as slow:

            async def never(number: int) -> web.StreamResponse:
                await asyncio.Event().wait()
                raise AssertionError

            slow.answer = never
            added = await subscriptions.add(trial.parts, ADMIN, name="slow", url=slow.url, events=[])
            slow.secret = added.secret
            dead = await trial.subscribe("http://127.0.0.1:1/hook")
            await trial.subscribe()
            for ticket in range(20):
                await trial.change(FIRST + ticket, "opened", 1)
            async with trial.sending():
                await eventually(lambda: _count(trial, 20))
                assert 0 < len(slow.got) <= 8, "a few at once to one receiver"
                await eventually(lambda: _failed(trial, added.subscription.subscription_id))
            assert await _failed(trial, dead)
            page = await subscriptions.deliveries(trial.parts, ADMIN, dead, state="waiting")
            assert page.total == 20 and {one.status for one in page.deliveries} == {None}

    with_trial(empty_database, work)


async def _failed(trial: Trial, subscription: uuid.UUID) -> bool:
    statement = "SELECT count(*) FROM webhook_deliveries WHERE subscription_id = $1 AND problem <> ''"
    return bool(await trial.parts.pool.fetchval(statement, subscription))


def test_what_cannot_be_told_for_a_day_is_dead_and_can_be_told_by_hand(empty_database: Postgres) -> None:
    async def work(trial: Trial) -> None:
        async def broken(number: int) -> web.StreamResponse:
            return web.Response(status=503)

        trial.receiver.answer = broken
        await trial.subscribe()
        await trial.change(FIRST, "opened", 1)
        await trial.change(FIRST, "accept", 2)
        async with trial.sending():
            await eventually(lambda: _count(trial, 2))
            with pytest.raises(RefusedError, match="not_settled"):
                (_, waiting) = (await subscriptions.deliveries(trial.parts, ADMIN, trial.id)).deliveries[:2]
                await subscriptions.redeliver(trial.parts, ADMIN, trial.id, waiting.delivery_id)
            await trial.parts.pool.execute("UPDATE webhook_deliveries SET give_up_at = now() WHERE event = 'opened'")
            await eventually(lambda: _is(trial, ("opened", "dead")))
            trial.receiver.answer = trial.receiver.fine
            await trial.settled(dead=1)
            (dead,) = (await subscriptions.deliveries(trial.parts, ADMIN, trial.id, state="dead")).deliveries
            assert (dead.status, dead.problem, dead.event) == (503, "answered 503", "opened")
            await subscriptions.redeliver(trial.parts, ADMIN, trial.id, dead.delivery_id)
            await trial.settled()
        assert [version for _, version, _ in trial.told()] == [1, 2]
        assert trial.receiver.got[-1][0] == str(dead.delivery_id)

    with_trial(empty_database, work)


async def _is(trial: Trial, state: tuple[str, str]) -> bool:
    return state in await trial.states()


@pytest.mark.parametrize(
    ("networks", "url"),
    [
        ([], "http://127.0.0.1:{port}/hook"),
        ([], "https://127.0.0.1:{port}/hook"),
        ([], "http://localhost:{port}/hook"),
        ([], "http://[::ffff:127.0.0.1]:{port}/hook"),
        ([], "http://2130706433:{port}/hook"),
        (["10.0.0.0/8"], "http://127.0.0.1:{port}/hook"),
        (["10.0.0.0/8"], "https://169.254.169.254:{port}/hook"),
    ],
)
def test_a_webhook_is_no_way_into_the_own_network(empty_database: Postgres, networks: list[str], url: str) -> None:
    async def work(trial: Trial) -> None:
        port = trial.receiver.url.rpartition(":")[2].partition("/")[0]
        subscription = await trial.subscribe(url.format(port=port))
        await trial.change(FIRST, "opened", 1)
        async with trial.sending():
            await eventually(lambda: _failed(trial, subscription))
        assert trial.receiver.got == []
        problem = await trial.parts.pool.fetchval("SELECT problem FROM webhook_deliveries")
        assert re.search(r"not an address that webhooks may go to|Cannot connect|not a canonical IPv4 address", problem)

    with_trial(empty_database, work, Webhooks(networks=networks, timeout_seconds=2, retry_seconds=3600))


def test_a_sender_that_is_killed_at_any_step_loses_nothing_and_breaks_no_order(empty_database: Postgres) -> None:
    """kill -9 before each of its first steps at the database: taken, sent, settled."""

    async def work(trial: Trial) -> None:
        await trial.subscribe()
        for step in range(1, 7):
            for ticket in (FIRST, FIRST + 1):
                await trial.change(ticket, "note", step)
            argv = [sys.executable, "-m", "tests.killer", str(step), "tests.webhook_sender", trial.server.dsn]
            process = await asyncio.create_subprocess_exec(*argv, cwd=TREE, stderr=subprocess.DEVNULL)
            assert await process.wait() == -9
            # as if the while for which it had them were over
            await trial.parts.pool.execute("UPDATE webhook_deliveries SET taken_until = now() WHERE taken_until IS NOT NULL")
        async with trial.sending():
            await trial.settled()
        for ticket in (FIRST, FIRST + 1):
            assert [version for number, version, _ in trial.told() if number == f"T{ticket}"] == list(range(1, 7))

    with_trial(empty_database, work)


def test_two_senders_tell_everything_once_when_nothing_goes_wrong(empty_database: Postgres) -> None:
    async def work(trial: Trial) -> None:
        await trial.subscribe()
        for version in range(1, 6):
            for ticket in range(8):
                await trial.change(FIRST + ticket, "note", version)
        async with trial.sending(), trial.sending():
            await trial.settled()
        assert len(trial.receiver.got) == 40
        for ticket in range(8):
            assert [version for number, version, _ in trial.told() if number == f"T{FIRST + ticket}"] == [1, 2, 3, 4, 5]

    with_trial(empty_database, work)


def test_an_administrator_adds_tries_pauses_and_ends_a_webhook_and_nobody_else(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        token, office = await desks.token("administrator", "root"), await desks.token("office", "o")

        async def said(what: str, body: Any = None, status: int = 200, key: str = "", token: str = token) -> Any:
            method, _, path = what.partition(" ")
            headers = {"Authorization": f"Bearer {token}", **({"Idempotency-Key": key} if key else {})}
            async with client.request(method, path, json=body, headers=headers) as answer:
                found = await answer.json()
                assert answer.status == status, (what, found)
                return found

        async with aiohttp.ClientSession(base_url=desks.url) as client:
            wish = {"name": "城市大脑", "url": "https://example.org/hook?x=1", "events": ["dispatch"]}
            added = await said("POST /api/webhooks", wish, key="add-a-webhook")
            assert await said("POST /api/webhooks", wish, key="add-a-webhook") == added
            one = added["subscription"]
            assert len(added["secret"]) >= 43 and one["state"] == "active"
            (listed,) = (await said("GET /api/webhooks", token=office))["subscriptions"]
            assert listed == one and added["secret"] not in json.dumps(listed)
            path = f"/api/webhooks/{one['subscription_id']}"
            assert (await said(f"PATCH {path}", {"state": "paused"}))["state"] == "paused"
            ping = await said(f"POST {path}/ping")
            assert (ping["event"], ping["state"]) == ("ping", "waiting")
            (seen,) = (await said(f"GET {path}/deliveries?state=waiting&limit=5", token=office))["deliveries"]
            assert seen == ping
            error = await said(f"POST {path}/deliveries/{ping['delivery_id']}/redeliver", status=409)
            assert error["error"]["code"] == "not_settled"
            error = await said(f"POST {path}/deliveries/{uuid.uuid4()}/redeliver", status=404)
            assert error["error"]["code"] == "unknown_delivery"
            await said(f"POST {path}/end")
            assert (await said("GET /api/webhooks"))["subscriptions"] == []
            await said(f"PATCH {path}", {"state": "active"}, 404)
            assert (await said("POST /api/webhooks", {**wish, "events": ["explode"]}, 422))["error"]["code"] == "bad_values"
            for url in (
                "ftp://example.org/",
                "http://u:p@example.org/",
                "https://example.org/#x",
                "https://a\\b/",
                "https://a:0/",
            ):
                error = await said("POST /api/webhooks", {**wish, "url": url}, 400 if url[0] == "f" else 422)
                assert error["error"]["code"] == ("bad_body" if url[0] == "f" else "bad_webhook_url"), url
            for what in ("POST /api/webhooks", f"PATCH {path}", f"POST {path}/ping"):
                await said(what, wish, 403, token=office)
        actions = await desks.writer.fetch("SELECT action FROM audit_log WHERE action LIKE 'webhook%' ORDER BY entry_id")
        assert [row["action"] for row in actions] == ["webhook.add", "webhook.amend", "webhook.ping", "webhook.end"]

    with_desks(empty_database, work)


def test_what_was_delivered_a_month_ago_is_forgotten(empty_database: Postgres) -> None:
    async def work(trial: Trial) -> None:
        await trial.subscribe()
        await trial.change(FIRST, "opened", 1)
        await trial.change(FIRST, "accept", 2)
        async with trial.sending():
            await trial.settled()
        ago = clock.now() - dt.timedelta(days=31)
        await trial.parts.pool.execute("UPDATE webhook_deliveries SET settled_at = $1 WHERE event = 'opened'", ago)
        async with sending.Sender(trial.parts).open() as sender:
            await sender.clean()
        assert await trial.states() == [("accept", "delivered")]

    with_trial(empty_database, work)

"""Everybody who works on tickets at a real stack: accounts, units of the directory, and what each does over HTTP.

Due times are computed here anew, day by day, from the rules as a reader of the requirements would (TIM-01 to TIM-36).
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from hotline import calendar
from hotline.clock import SHANGHAI
from hotline.settings import Settings
from tests.trial import Trial

PASSWORD = "a long word that nobody guesses"
STAFF = {"sun": "dispatcher", "zhou": "callback_agent", "du": "supervision_office"}
UNIT_STAFF = {"liu": ("unit_clerk", "CG"), "chen": ("unit_clerk", "GD"), "li": ("unit_leader", "GD"), "wu": ("unit_clerk", "GS")}
CALLS_BACK_AT = "1002"
SEATS = {"zhou": CALLS_BACK_AT}
"""The telephone of who calls back."""
_UNITS = """
[[units]]
code = "CG"
name = "城市管理局"
keywords = ["路灯", "市容"]
categories = ["C1.03"]
numbers = [{ number = "83120001", line = "service" }]
[[units]]
code = "GD"
name = "供电公司"
keywords = ["停电"]
numbers = [{ number = "83120012", line = "service" }]
[[units]]
code = "GS"
name = "供水集团"
keywords = ["漏水"]
numbers = [{ number = "83120008", line = "service" }]
"""
_PEOPLE = """
[[unit_staff]]
unit = "GD"
name = "李局长"
role = "head"
number = "83120012"
username = "li"
[[unit_staff]]
unit = "GD"
name = "陈工"
number = "83120013"
username = "chen"
"""
_DAY, _HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)


class People:
    """``tokens`` by user name; an order is refused in Chinese."""

    def __init__(self, client: aiohttp.ClientSession, tokens: Mapping[str, str]) -> None:
        self._client, self._tokens = client, tokens

    def headers(self, who: str, **more: str) -> dict[str, str]:
        """Who asks, and in which language the answer is."""
        return {"Authorization": f"Bearer {self._tokens[who]}", "Accept-Language": "zh-CN", **more}

    async def get(self, who: str, path: str, status: int = 200) -> Any:
        """A question."""
        async with self._client.get(path, headers=self.headers(who)) as answer:
            said = await answer.json()
            assert answer.status == status, (path, answer.status, said)
            return said

    async def post(self, who: str, path: str, body: Any = None, status: int = 200) -> Any:
        """An order, and this status of its answer."""
        found, said = await self.order(who, path, body)
        assert found == status, (path, found, said)
        return said

    async def put(self, who: str, path: str, body: Any) -> Any:
        """What is to be."""
        async with self._client.put(path, json=body, headers=self.headers(who)) as answer:
            said = await answer.json()
            assert answer.status == 200, (path, answer.status, said)
            return said

    async def order(self, who: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        """An order, with an Idempotency-Key when one is given: status and answer."""
        headers = self.headers(who, **({"Idempotency-Key": key} if key else {}))
        async with self._client.post(path, json=body or {}, headers=headers) as answer:
            return answer.status, await answer.json()

    async def fetch(self, who: str, path: str, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
        """Anything that is no JSON: status, headers and content."""
        async with self._client.get(path, headers=self.headers(who, **headers)) as answer:
            return answer.status, answer.headers, await answer.read()

    @contextlib.asynccontextmanager
    async def desk(self, who: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """The push to somebody's desk."""
        async with self._client.ws_connect("/api/desk/ws", headers=self.headers(who)) as socket:
            yield socket


def begin(stack: Trial, folder: Path, more: Mapping[str, str] | None = None, agents: Sequence[str] = ("1001",)) -> dict[str, str]:
    """Import the units and make everybody's account, as an administrator does; tokens by user name.

    ``more``: others beside ``STAFF`` with their roles; ``agents``: those who log in with the password that they were given.
    """
    for kind, text in (("units", _UNITS), ("unit-staff", _PEOPLE)):
        file = folder / f"{kind}.toml"
        file.write_text(text, encoding="utf-8")
        done = stack.command("hotline", "directory", "import", kind, str(file))
        assert done.returncode == 0, done.stderr
    return asyncio.run(_accounts(stack, STAFF | dict(more or {}), agents))


@contextlib.asynccontextmanager
async def people(stack: Trial, tokens: Mapping[str, str]) -> AsyncIterator[People]:
    """Everybody at the web application of this stack."""
    async with _client(stack) as client:
        yield People(client, tokens)


def _client(stack: Trial) -> aiohttp.ClientSession:
    web = stack.settings.web
    return aiohttp.ClientSession(base_url=f"http://{web.host}:{web.port}", cookie_jar=aiohttp.DummyCookieJar())


async def _accounts(stack: Trial, beside: Mapping[str, str], agents: Sequence[str]) -> dict[str, str]:
    first = stack.credentials.web
    async with _client(stack) as client:
        known = {name: first[name] for name in (*agents, "office")}
        tokens = {who: await _login(client, username=who, password=password) for who, password in known.items()}
        tokens["admin"] = await _login(client, username="admin", password=first["admin"], role="administrator")
        staff = {who: {"roles": [role], "agent": SEATS.get(who, "")} for who, role in beside.items()}
        staff |= {who: {"roles": [role], "unit": unit} for who, (role, unit) in UNIT_STAFF.items()}
        made = await asyncio.gather(*(_made(client, tokens["admin"], who, profile) for who, profile in staff.items()))
        return tokens | dict(zip(staff, made, strict=True))


async def _made(client: aiohttp.ClientSession, admin: str, who: str, profile: Mapping[str, Any]) -> str:
    """An account, whose owner has chosen a password."""
    handed = (await People(client, {"": admin}).post("", "/api/accounts", {"username": who, **profile}))["password"]
    token = await _login(client, username=who, password=handed)
    await People(client, {"": token}).post("", "/api/me/password", {"old": handed, "new": PASSWORD})
    return token


async def _login(client: aiohttp.ClientSession, **body: str) -> str:
    async with client.post("/api/login", json=body) as answer:
        said = await answer.json()
        assert answer.status == 200, said
        return str(said["token"])


class Rules:
    """When clocks run out, by the rules of Dezhou and on the calendar of these settings."""

    def __init__(self, settings: Settings) -> None:
        self._calendar = settings.calendar
        self.of: Mapping[str, Callable[[dt.datetime], dt.datetime]] = {
            "dispatch": self._dispatch,
            "receive": lambda since: self._working_hours(since, 2),
            "return": self._a_day_of_work,
            "handle": lambda since: self._working_days(since, 5),  # help (TIM-06)
            "callback": lambda since: since + 3 * _DAY,
            "judgement": lambda since: self._working_days(since, 2),
        }

    def extended(self, due: dt.datetime, days: int) -> dt.datetime:
        """So many calendar days later; what falls on a rest day moves on (EXT-03, TIM-30)."""
        return _at(self._work(due.astimezone(SHANGHAI).date() + days * _DAY), 18)

    def _works(self, day: dt.date) -> bool:
        return calendar.situation(self._calendar, day) in ("working_day", "make_up_day")

    def _work(self, day: dt.date) -> dt.date:
        while not self._works(day):
            day += _DAY
        return day

    def _working_days(self, since: dt.datetime, count: int) -> dt.datetime:
        day = since.astimezone(SHANGHAI).date()
        for _ in range(count):
            day = self._work(day + _DAY)
        return _at(day, 18)

    def _working_hours(self, since: dt.datetime, hours: int) -> dt.datetime:
        """From 08:30 to 18:00 of working days."""
        day, left = since.astimezone(SHANGHAI).date(), hours * _HOUR
        while True:
            begin, end = max(since, _at(day, 8, 30)), _at(day, 18)
            if self._works(day) and begin + left <= end:
                return begin + left
            left -= max(end - begin, dt.timedelta()) if self._works(day) else dt.timedelta()
            day += _DAY

    def _a_day_of_work(self, since: dt.datetime) -> dt.datetime:
        """24 hours of the clock, of which rest days do not count."""
        day = since.astimezone(SHANGHAI).date()
        begin = max(since, _at(self._work(day), 0))
        after = self._work(begin.astimezone(SHANGHAI).date() + _DAY)
        return _at(after, 0) + (begin - _at(begin.astimezone(SHANGHAI).date(), 0))

    def _dispatch(self, since: dt.datetime) -> dt.datetime:
        """By 17:00 until 16:30; then, and in the night, by noon of the next morning."""
        now = since.astimezone(SHANGHAI)
        if dt.time(8, 30) <= now.time() < dt.time(16, 30):
            return _at(now.date(), 17)
        return _at(now.date() + (_DAY if now.time() >= dt.time(16, 30) else 0 * _DAY), 12)


def _at(day: dt.date, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour, minute), SHANGHAI)

"""Every route, tried with what nobody thought of, by several roles: nothing breaks, and every answer is as it is described.

``HOTLINE_FUZZ_EXAMPLES`` tries more than the few of each run.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from acd.errors import CODES as ORDER_CODES
from desks.routes import ROUTES
from tests.citizens import ticket, units
from tests.desks_peer import Desks, serving

if TYPE_CHECKING:
    from tests.conftest import Postgres

ROLES = ("agent", "office", "administrator", "unit_clerk", "anonymous")
EXAMPLES = int(os.environ.get("HOTLINE_FUZZ_EXAMPLES", "12"))
CHECKS = [content_type_conformance, response_schema_conformance, status_code_conformance]
ORDERS_OF_OTHERS = {code for code, kind in ORDER_CODES.items() if kind in ("failed", "timeout")}
LEFT_OUT = {"/api/logout", "/api/live/ws", "/api/desk/ws"}
"""It would end the session; they are no questions and answers."""
LONGEST_URL = 8000
OPEN_TO_THIS_MACHINE = {route.path for route in ROUTES if route.is_open_to_this_machine}


class Served:
    """The application in a thread of its own, and a session of each role."""

    def __init__(self, server: Postgres) -> None:
        self._server, self._stop = server, asyncio.Event()
        self._ready: Future[tuple[str, dict[str, str]]] = Future()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),), daemon=True)

    def __enter__(self) -> Served:
        self._thread.start()
        self.url, self.tokens = self._ready.result(timeout=30)
        self.session = requests.Session()
        document = self.session.get(f"{self.url}/api/openapi.json", timeout=10).json()
        self.schema = schemathesis.openapi.from_dict(document)
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=20)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            async with serving(self._server) as desks:
                self._ready.set_result((desks.url, await begin(desks)))
                await self._stop.wait()
        except Exception as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)


async def begin(desks: Desks) -> dict[str, str]:
    """A few rows for routes to find, and a token for each role."""
    await desks.writer.execute("INSERT INTO agents (agent, origin) VALUES ('1001', 'directory')")
    await units(desks.writer, {"U01": None})
    citizen = {"caller_name": "张三", "calling_number": "13905340001"}
    await ticket(desks.writer, 1, day="20260101", lead_unit="U01", made_by="1001", **citizen)
    tokens = {role: await desks.token(role, "1001" if role == "agent" else role) for role in ROLES if role != "anonymous"}
    return {**tokens, "unit_clerk": await desks.token("unit_clerk", "clerk", unit="U01")}


KNOWN: dict[str, str] = {"number": "T2026010100001", "unit": "U01", "agent": "1001", "code": "C1.03"}
"""What parts of paths may be, so that more than a 404 is found behind them."""


@pytest.fixture(scope="module")
def served(postgres_server: Postgres) -> Iterator[Served]:
    from tests.conftest import _empty, run  # noqa: PLC0415

    run(_empty(postgres_server.owner))
    with Served(postgres_server) as one:
        yield one


PATHS = sorted((route.method, route.path) for route in ROUTES if route.path not in LEFT_OUT)


@pytest.mark.parametrize(("method", "path"), PATHS, ids=lambda one: one)
def test_nothing_breaks_and_every_answer_is_as_described(served: Served, method: str, path: str) -> None:
    operation = served.schema[path][method]
    allowed = operation.definition.raw.get("x-roles", ROLES)
    may = [role for role in ROLES if role in allowed] or ["administrator"]
    cases = st.one_of(operation.as_strategy(), operation.as_strategy(), operation.as_strategy(GenerationMode.NEGATIVE))

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, role=st.sampled_from([*may * 6, *ROLES]), is_known=st.booleans())
    def tried(case: Case[Any], role: str, is_known: bool) -> None:
        if is_known:
            case.path_parameters.update({name: value for name, value in KNOWN.items() if name in case.path_parameters})
        if role in served.tokens:
            case.headers["Authorization"] = f"Bearer {served.tokens[role]}"
        judge(served, case, role, allowed)

    tried()


def judge(served: Served, case: Case[Any], role: str, allowed: Any) -> None:
    answer = case.call(base_url=served.url, session=served.session, timeout=20)
    if len(answer.request.url or "") > LONGEST_URL:
        assert answer.status_code == 400, "refused before anybody looks at it"
        return
    if answer.status_code >= 500:
        assert answer.json()["error"]["code"] in ORDERS_OF_OTHERS, (case.as_curl_command(), answer.text)
    if role == "anonymous" and allowed is not ROLES and case.path not in OPEN_TO_THIS_MACHINE:
        assert answer.status_code in (400, 401, 404), case.as_curl_command()
    case.validate_response(answer, checks=CHECKS)

"""Every route and every role over HTTP: 403 exactly where the matrix says so; a trainee tries all (SEC-13, ORG-20..36)."""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import TYPE_CHECKING

import aiohttp
import pytest

from crm.permissions import MATRIX
from desks.desk import Route
from desks.routes import ROUTES
from hotline.roles import ROLES
from tests.desks_peer import Desks, with_desks

if TYPE_CHECKING:
    from tests.conftest import Postgres

OPEN = {("GET", "/healthz"), ("GET", "/api/openapi.json"), ("POST", "/api/login")}
"""What anybody may ask for without a login."""
LEAVES = ("/api/logout",)


def test_every_route_but_the_known_open_ones_names_an_action_of_the_matrix() -> None:
    assert {(route.method, route.path) for route in ROUTES if route.action is None} == OPEN
    assert {route.action for route in ROUTES if route.action is not None} - set(MATRIX) == set()
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


async def asked(client: aiohttp.ClientSession, route: Route) -> tuple[int, str]:
    """Status and code of an answer to a request that lacks everything else."""
    path = re.sub(r"{\w+}", str(uuid.uuid4()), route.path)
    async with client.request(route.method, path, data=b"{}") as answer:
        is_json = answer.content_type == "application/json" and answer.status >= 400
        return answer.status, (await answer.json())["error"]["code"] if is_json else ""


@pytest.mark.parametrize("role", [*ROLES, "nobody", None])
def test_a_person_of_a_role_is_kept_out_exactly_where_the_matrix_says_so(empty_database: Postgres, role: str | None) -> None:
    async def work(desks: Desks) -> None:
        headers = {"X-Forwarded-For": "203.0.113.9"}
        if role:
            unit = "water" if role in ("unit_clerk", "unit_leader", "unit_editor") else ""
            headers["Authorization"] = f"Bearer {await desks.token(role, unit=unit)}"
        async with aiohttp.ClientSession(base_url=desks.url, headers=headers) as client:
            for route in ROUTES:
                if route.path in LEAVES or (route.method, route.path) in OPEN:
                    continue
                status, code = await asked(client, route)
                where = (role, route.method, route.path, status, code)
                if role is None:
                    assert status == 401, where
                elif role in MATRIX[route.action or ""]:
                    assert status not in (401, 500) and code != "forbidden", where
                else:
                    assert (status, code) == (403, "forbidden"), where

    with_desks(empty_database, work)


def test_a_trainee_that_tries_every_route_leaves_a_line_for_each_that_is_refused_and_changes_nothing(
    empty_database: Postgres,
) -> None:
    refused = [route for route in ROUTES if route.action and "trainee" not in MATRIX[route.action]]

    async def work(desks: Desks) -> None:
        token = await desks.token("trainee", "1009")
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.9"}
        async with aiohttp.ClientSession(base_url=desks.url, headers=headers) as client:
            answers = await asyncio.gather(*(asked(client, route) for route in refused))
        assert set(answers) == {(403, "forbidden")}
        rows = await desks.writer.fetch("SELECT subject FROM audit_log WHERE actor = '1009' AND action = 'refused'")
        assert {row["subject"] for row in rows} == {f"{route.method} {route.path}" for route in refused}
        tables = ("accounts", "exclusions", "caller_blocks", "tickets")
        counts = [await desks.writer.fetchval(f"SELECT count(*) FROM {table}") for table in tables]
        assert counts == [0] * len(tables)

    with_desks(empty_database, work)

"""``GET /api/openapi.json``: OpenAPI 3.1, made of the table of routes, so that it cannot say anything else than the code does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

import msgspec

from acd.errors import CODES as ORDER_CODES
from crm.errors import CODES as TICKET_CODES
from desks import repeats
from desks.answers import CODES
from desks.desk import Route
from desks.errors import ORDERS, REFUSALS
from hotline.accounts.rules import CODES as ACCOUNT_CODES

_ERRORS = "Errors: " + ", ".join(sorted({*CODES.values(), *REFUSALS, *ORDER_CODES, *TICKET_CODES, *ACCOUNT_CODES}))


class Problem(msgspec.Struct, frozen=True):
    """What was wrong: a code for programs, a sentence in the language asked for, and where."""

    code: str
    message: str
    details: dict[str, Any]


class Failure(msgspec.Struct, frozen=True):
    """Every answer that is not what was asked for."""

    error: Problem


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The whole description."""
    table = list(routes)
    types = [Failure, *(t for route in table for t in (route.body, route.answer) if isinstance(t, type))]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    by_type = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "12345", "version": "1", "description": _ERRORS},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "cookie": {"type": "apiKey", "in": "cookie", "name": "hotline_session"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(route: Route, schemas: dict[type, dict[str, Any]]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "summary": f"{route.chinese} / {route.english}",
        "operationId": f"{route.method.lower()}_{re.sub(r'[^a-z]+', '_', route.path.lower()).strip('_')}",
        "parameters": _parameters(route),
        "responses": {
            **{str(int(status)): _content(route, schemas) for status in (route.status, *route.also) if status < 400},
            **{
                str(int(status)): {"description": status.phrase, "content": {"application/json": {"schema": schemas[Failure]}}}
                for status in _refusals(route)
            },
        },
        "security": [] if route.roles is None else [{"cookie": []}, {"bearer": []}],
    }
    if route.roles is not None:
        said["x-roles"] = sorted(route.roles)
    if isinstance(route.body, str):
        said["requestBody"] = {"required": True, "content": {route.body: {"schema": {"type": "string", "format": "binary"}}}}
    elif route.body is not None:
        said["requestBody"] = {"required": True, "content": {"application/json": {"schema": schemas[route.body]}}}
    return said


def _refusals(route: Route) -> Iterator[HTTPStatus]:
    """With what it may be answered otherwise."""
    yield from (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
    yield from (HTTPStatus(status) for status in route.also if status >= HTTPStatus.BAD_REQUEST)
    if route.roles is not None or route.body is not None:
        yield HTTPStatus.UNAUTHORIZED
    if route.body is not None:
        yield from (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.TOO_MANY_REQUESTS)
    if route.roles is not None:
        yield from ORDERS.values()
    yield from (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)


def _parameters(route: Route) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    in_query = [
        {
            "name": one.name,
            "in": "query",
            "required": one.needed,
            "description": f"{one.chinese} / {one.english}",
            "schema": one.schema,
        }
        for one in route.query
    ]
    return in_path + in_query + list(_headers(route))


def _headers(route: Route) -> Iterable[dict[str, Any]]:
    """Of what changes something: the key under which it is done once, and the version that is meant."""
    if repeats.keeps(route):
        told = "同一键的请求只执行一次 / Done once under one key"
        yield _header(repeats.HEADER, told, repeats.PATTERN)
    if route.body is not None and "version" in getattr(route.body, "__struct_fields__", ()):
        yield _header("If-Match", "所见版本 / The version that was seen", r'^"[1-9][0-9]{0,8}"$')


def _header(name: str, description: str, pattern: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def _content(route: Route, schemas: dict[type, dict[str, Any]]) -> dict[str, Any]:
    if isinstance(route.answer, str):
        kind = "object" if route.answer == "application/json" else "string"
        content = {route.answer: {"schema": {"type": kind}}} if route.answer else {}
    else:
        content = {"application/json": {"schema": schemas[route.answer]}}
    return {"description": route.english, **({"content": content} if content else {})}

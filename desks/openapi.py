"""``GET /api/openapi.json``: OpenAPI 3.1, made of the table of routes, so that it cannot say anything else than the code does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from acd.errors import CODES as ORDER_CODES
from crm.errors import CODES as TICKET_CODES
from desks.answers import CODES
from desks.desk import Route
from desks.errors import REFUSALS

_ERRORS = "Errors: " + ", ".join(sorted({*CODES.values(), *REFUSALS, *ORDER_CODES, *TICKET_CODES}))


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
            str(route.status): _content(route, schemas),
            "default": {"description": "Error", "content": {"application/json": {"schema": schemas[Failure]}}},
        },
        "security": [] if route.roles is None else [{"cookie": []}, {"bearer": []}],
    }
    if route.roles is not None:
        said["x-roles"] = sorted(route.roles)
    if route.body is not None:
        said["requestBody"] = {"required": True, "content": {"application/json": {"schema": schemas[route.body]}}}
    return said


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
    return in_path + in_query


def _content(route: Route, schemas: dict[type, dict[str, Any]]) -> dict[str, Any]:
    if isinstance(route.answer, str):
        content = {route.answer: {"schema": {"type": "string"}}} if route.answer else {}
    else:
        content = {"application/json": {"schema": schemas[route.answer]}}
    return {"description": route.english, **({"content": content} if content else {})}

"""How every answer looks: errors as ``{"error": {"code", "message", "details"}}``, and the headers that go with all of them."""

from __future__ import annotations

import secrets
from http import HTTPStatus

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from desks import language
from desks.errors import ORDERS, RefusedError
from hotline import database, refusals

CODES = {
    HTTPStatus.BAD_REQUEST: "bad_request",
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.INTERNAL_SERVER_ERROR: "internal_error",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "Server": "hotline",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_log = structlog.get_logger()


def json(value: object, status: int = HTTPStatus.OK) -> web.Response:
    """An answer in JSON."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json", charset="utf-8")


def error(
    request: web.BaseRequest, status: int, details: dict[str, object] | None = None, code: str | None = None
) -> web.Response:
    """An error in the language that the request asks for; without a code, its status's, or that of the status's class."""
    code = (
        code
        or CODES.get(HTTPStatus(status))
        or CODES[HTTPStatus.BAD_REQUEST if status < 500 else HTTPStatus.INTERNAL_SERVER_ERROR]
    )
    spoken = language.chosen(request.headers.get("Accept-Language", ""))
    response = json({"error": {"code": code, "message": language.text(code, spoken), "details": details or {}}}, status)
    response.headers["Content-Language"] = spoken
    response.headers["Vary"] = "Accept-Language"
    return response


def refused(request: web.BaseRequest, refusal: RefusedError | refusals.RefusedError) -> web.Response:
    """What is answered to a request that is refused."""
    status = ORDERS[refusal.kind] if isinstance(refusal, refusals.RefusedError) else refusal.status
    response = error(request, status, refusal.details, refusal.code)
    if "retry_after" in refusal.details:
        response.headers["Retry-After"] = str(refusal.details["retry_after"])
    return response


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what a handler raises into an error answer; what nobody expected is logged under an incident number."""
    try:
        return await handler(request)
    except (RefusedError, refusals.RefusedError) as refusal:
        return refused(request, refusal)
    except web.HTTPMethodNotAllowed as wrong:
        allowed = sorted(wrong.allowed_methods)
        response = error(request, wrong.status, {"allowed": allowed})
        response.headers["Allow"] = ", ".join(allowed)
        return response
    except web.HTTPException as wrong:
        if wrong.status < 400:
            raise
        return error(request, wrong.status)
    except database.AWAY as away:
        return _away(request, away)
    except Exception:
        return _incident(request)


def _away(request: web.BaseRequest, away: BaseException) -> web.Response:
    """Inside of ``except``: what needs the database can be asked again later."""
    if not database.is_away(away):
        return _incident(request)
    _log.warning("the database is away", path=request.path, error=str(away) or type(away).__name__)
    return error(request, HTTPStatus.SERVICE_UNAVAILABLE)


def _incident(request: web.BaseRequest) -> web.Response:
    """Inside of ``except``: what happened goes to the log under a number that the person can tell."""
    incident = secrets.token_hex(6)
    _log.exception("failed", incident=incident, method=request.method, path=request.path)
    return error(request, HTTPStatus.INTERNAL_SERVER_ERROR, {"incident": incident})


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """The headers of every answer; aiohttp's own ``Server`` would tell versions."""
    del request
    chosen = response.headers.get("Cache-Control", "")
    response.headers.update(HEADERS | ({"Cache-Control": chosen} if "no-store" in chosen else {}))

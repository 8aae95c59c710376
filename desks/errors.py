"""A request that is refused: one class, whose code names a sentence in both languages (``desks/messages/*.toml``)."""

from __future__ import annotations

from http import HTTPStatus

from hotline.errors import HotlineError

REFUSALS = {
    "missing_parameter": HTTPStatus.BAD_REQUEST,
    "unknown_parameter": HTTPStatus.BAD_REQUEST,
    "repeated_parameter": HTTPStatus.BAD_REQUEST,
    "bad_time": HTTPStatus.BAD_REQUEST,
    "bad_interval": HTTPStatus.BAD_REQUEST,
    "interval_too_long": HTTPStatus.BAD_REQUEST,
    "bad_choice": HTTPStatus.BAD_REQUEST,
    "bad_number": HTTPStatus.BAD_REQUEST,
    "bad_text": HTTPStatus.BAD_REQUEST,
    "bad_cursor": HTTPStatus.BAD_REQUEST,
    "bad_body": HTTPStatus.BAD_REQUEST,
    "bad_key": HTTPStatus.BAD_REQUEST,
    "bad_version": HTTPStatus.BAD_REQUEST,
    "bad_range": HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    "wrong_password": HTTPStatus.UNAUTHORIZED,
    "too_many_attempts": HTTPStatus.TOO_MANY_REQUESTS,
    "must_change_password": HTTPStatus.FORBIDDEN,
    "forbidden": HTTPStatus.FORBIDDEN,
    "foreign_origin": HTTPStatus.FORBIDDEN,
    "same_person": HTTPStatus.CONFLICT,
    "already_settled": HTTPStatus.CONFLICT,
    "too_many_viewers": HTTPStatus.SERVICE_UNAVAILABLE,
    "too_busy": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Every code with its status."""

ORDERS = {
    "invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "forbidden": HTTPStatus.FORBIDDEN,
    "unknown": HTTPStatus.NOT_FOUND,
    "conflict": HTTPStatus.CONFLICT,
    "gone": HTTPStatus.GONE,
    "failed": HTTPStatus.BAD_GATEWAY,
    "timeout": HTTPStatus.GATEWAY_TIMEOUT,
}
"""The status of each kind of refused order (``acd.errors.CODES``)."""


class RefusedError(HotlineError):
    """The request cannot be done as it is; ``code`` says why, ``details`` where."""

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(f"{code} {details}")
        self.code, self.status, self.details = code, REFUSALS[code], details

"""What is not done, and why: a code that names a sentence in the catalogues of whoever shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from hotline.errors import HotlineError

Kind = Literal["invalid", "forbidden", "unknown", "conflict", "gone", "failed", "timeout"]
"""What is wrong in general; the web application answers with 422, 403, 404, 409, 410, 502 and 504."""


class RefusedError(HotlineError):
    """Nothing was changed; ``code`` says why, ``details`` where. A subclass names its table of ``codes``."""

    codes: ClassVar[Mapping[str, Kind]] = {}

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(f"{code} {details}" if details else code)
        self.code, self.kind, self.details = code, self.codes[code], details

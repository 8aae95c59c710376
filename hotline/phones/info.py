"""Keys as SIP INFO (``application/dtmf-relay``), inside the calls that SIPp made, from a socket of our own beside its.

SIPp's scenario waits for the end of its call and cannot be told to send something now; to Asterisk a request belongs to a call
by Call-ID and tags, wherever it comes from.
"""

from __future__ import annotations

import socket
from collections import Counter
from types import TracebackType

from hotline.phones.call_log import Call

_REQUEST = (
    "INFO sip:{host}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {own_host}:{own_port};branch=z9hG4bKkey{number}.{own_tag}\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:{party}@{own_host}>;tag={own_tag}\r\nTo: <sip:{host}>;tag={tag}\r\nCall-ID: {call_id}\r\n"
    "CSeq: {number} INFO\r\nContent-Type: application/dtmf-relay\r\nContent-Length: {length}\r\n\r\n{body}"
)


class KeySocket:
    """``with KeySocket(own address, Asterisk's address and port) as keys: keys.press(call, "1")``."""

    def __init__(self, address: str, asterisk: tuple[str, int]) -> None:
        self._asterisk = asterisk
        self._sent: Counter[str] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self._socket.setblocking(False)

    def __enter__(self) -> KeySocket:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.close()

    def press(self, call: Call, key: str, milliseconds: int = 100) -> None:
        """Send one key of an answered call; nothing is sent again: there is no way on which it could be lost."""
        if call.tags is None or call.ended_at is not None:
            return
        self._sent[call.call_id] += 1
        body = f"Signal={key}\r\nDuration={milliseconds}\r\n"
        own_host, own_port = self._socket.getsockname()
        text = _REQUEST.format(
            host=self._asterisk[0],
            port=self._asterisk[1],
            own_host=own_host,
            own_port=own_port,
            number=1 + self._sent[call.call_id],  # the INVITE was 1; the BYE of the scenario is beyond all keys
            call_id=call.call_id,
            party=call.party,
            own_tag=call.tags[0],
            tag=call.tags[1],
            length=len(body),
            body=body,
        )
        self._socket.sendto(text.encode(), self._asterisk)

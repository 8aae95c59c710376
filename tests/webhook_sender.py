"""``python -m tests.webhook_sender DSN``: a sender of webhooks alone, that may send to loopback and tries again at once."""

from __future__ import annotations

import asyncio
import sys

import msgspec

from acd.parts import Parts
from crm.webhooks import sending
from hotline import database
from hotline.settings import Settings, Webhooks

QUICK = Webhooks(networks=["127.0.0.0/8"], timeout_seconds=1, retry_seconds=0)


async def main(dsn: str) -> None:
    async with await database.pool(dsn, name="crm") as pool:
        await sending.run(Parts(msgspec.structs.replace(Settings(), webhooks=QUICK), pool, "node1"))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

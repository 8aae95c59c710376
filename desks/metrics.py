"""``GET /metrics``: the figures and the health of the bridges for Prometheus; no citizen's data in any label (SEC-03).

Windows, views, rates and states are those of ``ami_bridge/figures/live.py``. What is not known has no sample, never a 0.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import asyncpg
from aiohttp import web
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from ami_bridge.figures.live import Counts, Pair
from ami_bridge.figures.live_now import Now
from ami_bridge.figures.live_rows import BridgeRow
from ami_bridge.figures.metrics import Figure
from desks.desk import Ask
from desks.feed import Feed
from hotline import clock, database, sql

_QUERIES = sql.load(Path(__file__).parent / "sql" / "records.sql")
_COMMANDS_OF = dt.timedelta(days=30)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[tuple[str, ...], float]

_OF_BRIDGES: tuple[tuple[str, str, str], ...] = (
    ("hotline_journal_segment", "journal_segment", "Number of the journal segment that is written"),
    ("hotline_journal_bytes", "journal_bytes", "Bytes of journal on disk"),
    ("hotline_store_backlog", "backlog", "Calls that wait to be stored in PostgreSQL"),
    ("hotline_calls_open", "calls_open", "Calls in progress"),
    ("hotline_gaps_open", "gaps_open", "Gaps that are open now"),
    ("hotline_conservation_violations", "conservation_violations", "Requests that do not have exactly one outcome"),
    ("hotline_bridge_resident_bytes", "rss_bytes", "Resident memory of the bridge"),
)
_OF_RECORDINGS = (
    ("hotline_recordings_waiting", "Recordings that wait to be processed", ("node",)),
    ("hotline_recordings_oldest_seconds", "How long the oldest of them has waited", ("node",)),
    ("hotline_recordings_failed", "Jobs that were given up", ("job",)),
)
_COUNTED: tuple[tuple[str, str, str], ...] = (
    ("hotline_events", "events", "Events read from Asterisk"),
    ("hotline_events_unwanted", "unwanted", "Events that nothing is made of"),
    ("hotline_events_undecodable", "undecodable", "Events that could not be read"),
    ("hotline_events_oversized", "oversized", "Events beyond the limits of a line or block"),
    ("hotline_records_refused", "refused", "Records that the database refused"),
)


async def metrics(ask: Ask) -> web.Response:
    """The text of the moment."""
    registry = CollectorRegistry()
    pool = ask.parts.pool
    registry.register(_Collected(ask.parts.feed, await _commands(pool), await _recordings(pool)))
    return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE})


async def _commands(pool: asyncpg.Pool) -> list[Sample]:
    """Outcomes of commands."""
    rows = await _fetched(pool, "commands", clock.now() - _COMMANDS_OF)
    return [((row["node"], row["action"], row["state"]), row["commands"]) for row in rows]


async def _recordings(pool: asyncpg.Pool) -> dict[str, list[Sample]]:
    """What waits to be processed, and what was given up."""
    waiting, failed = await _fetched(pool, "recordings_to_do"), await _fetched(pool, "recordings_failed")
    return {
        "to_do": [((row["node"],), row["recordings"]) for row in waiting],
        "oldest": [((row["node"],), row["oldest_seconds"]) for row in waiting],
        "failed": [((row["job"],), row["jobs"]) for row in failed],
    }


async def _fetched(pool: asyncpg.Pool, query: str, *arguments: object) -> list[asyncpg.Record]:
    """Nothing while the database is away."""
    try:
        rows: list[asyncpg.Record] = await pool.fetch(_QUERIES[query], *arguments)
    except database.AWAY as error:
        if not database.is_away(error):
            raise
        return []
    return rows


class _Collected(Collector):
    def __init__(self, feed: Feed, commands: list[Sample], recordings: Mapping[str, list[Sample]]) -> None:
        self._feed, self._commands, self._recordings = feed, commands, recordings

    def collect(self) -> Iterator[Metric]:
        """Every metric, one after another."""
        yield _gauge("hotline_database_up", "Whether PostgreSQL answers", (), [((), not self._feed.is_away)])
        yield _gauge("hotline_live_clients", "Clients that follow the live figures", (), [((), self._feed.watchers)])
        yield _gauge("hotline_commands", "Commands to Asterisk of the last 30 days", ("node", "action", "state"), self._commands)
        for (name, text, labels), samples in zip(_OF_RECORDINGS, self._recordings.values(), strict=True):
            yield _gauge(name, text, labels, samples)
        yield from self._of_bridges(self._feed.live.state.bridges)
        yield from self._of_figures()
        yield from self._of_now()

    def _of_bridges(self, bridges: Mapping[str, BridgeRow]) -> Iterator[Metric]:
        for name, field, text in _OF_BRIDGES:
            yield _gauge(name, text, ("node",), [((node,), getattr(row, field)) for node, row in bridges.items()])
        for name, field, text in _COUNTED:
            counted = CounterMetricFamily(name, text, labels=("node",))
            for node, row in bridges.items():
                counted.add_metric((node,), getattr(row, field))
            yield counted
        connected = [((node,), row.connected) for node, row in bridges.items()]
        failing = [((node,), row.journal_failing_since is not None) for node, row in bridges.items()]
        lags = [((node,), row.event_lag_ms / 1000) for node, row in bridges.items() if row.event_lag_ms is not None]
        ages = [((node,), age) for node in bridges if (age := self._feed.age_seconds(node)) is not None]
        yield _gauge("hotline_bridge_connected", "Whether the bridge hears Asterisk", ("node",), connected)
        yield _gauge("hotline_journal_failing", "Whether the journal cannot be written", ("node",), failing)
        yield _gauge(
            "hotline_event_lag_seconds", "From Asterisk's timestamp until the bridge had read the event", ("node",), lags
        )
        yield _gauge("hotline_figures_age_seconds", "Age of the newest figure", ("node",), ages)

    def _of_figures(self) -> Iterator[Metric]:
        document = self._feed.live.document
        names = {"n": "Numerator", "d": "Denominator", "value": "Value, a share of 1"}
        for field, text in names.items():
            samples: list[Sample] = []
            for key in document.keys("figures"):
                window, view, rate = key.split("/")
                pair = document.get("figures", key)
                assert isinstance(pair, Pair)
                for basis, figure in (("raw", pair.raw), ("net", pair.net)):
                    assert isinstance(figure, Figure)
                    if (value := getattr(figure, field)) is not None:
                        samples.append(((rate, window, view, basis), value))
            yield _gauge(f"hotline_rate_{field}", f"{text} of a figure", ("rate", "window", "view", "basis"), samples)
        yield from self._of_requests()

    def _of_requests(self) -> Iterator[Metric]:
        document = self._feed.live.document
        outcomes: list[Sample] = []
        flags: dict[str, list[Sample]] = {"repaired": [], "conserved": [], "gap": []}
        waits: list[Sample] = []
        for key in document.keys("requests"):
            window, view = key.split("/")
            counts, waited = document.get("requests", key), document.get("waits", key)
            assert isinstance(counts, Counts) and isinstance(waited, Pair) and isinstance(waited.raw, dict)
            outcomes += [((window, view, outcome), n) for outcome, n in counts.raw.items() if outcome != "total"]
            for name, samples in flags.items():
                samples.append(((window, view), getattr(counts, name)))
            waits += [((window, view, name), value) for name, value in waited.raw.items() if value is not None]
        labels = ("window", "view")
        yield _gauge("hotline_requests", "Requests for an agent by outcome", (*labels, "outcome"), outcomes)
        yield _gauge("hotline_requests_repaired", "Requests whose times were repaired", labels, flags["repaired"])
        yield _gauge("hotline_requests_conserved", "Whether each request has exactly one outcome", labels, flags["conserved"])
        yield _gauge("hotline_requests_gap", "Whether a gap touches the window", labels, flags["gap"])
        yield _gauge("hotline_wait_seconds", "Waiting times", (*labels, "statistic"), waits)

    def _of_now(self) -> Iterator[Metric]:
        document = self._feed.live.document
        now = {view: found for view in document.keys("now") if isinstance(found := document.get("now", view), Now)}
        waiting = [((view,), found.waiting + found.transfers) for view, found in now.items()]
        longest = [((view,), found.longest_seconds or 0) for view, found in now.items()]
        yield _gauge("hotline_waiting", "Callers who wait for an agent now", ("view",), waiting)
        yield _gauge("hotline_longest_wait_seconds", "Longest wait now", ("view",), longest)
        agents: list[Sample] = []
        for view in document.keys("states"):
            states = document.get("states", view)
            assert isinstance(states, dict)
            agents += [((view, state), n) for state, n in states.items()]
        yield _gauge("hotline_agents", "Agents by state", ("view", "state"), agents)


def _gauge(name: str, text: str, labels: tuple[str, ...], samples: Sequence[Sample]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in samples:
        family.add_metric(values, float(value))
    return family

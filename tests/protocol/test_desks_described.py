"""What the web application says of itself: OpenAPI from the table of routes, Prometheus, and the dashboard that asks for it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from ami_bridge.figures import metrics
from ami_bridge.figures.windows import NAMES as WINDOWS
from desks.routes import ROUTES
from hotline import clock
from hotline.paths import TREE
from tests.desks_peer import Desks, eventually, with_desks

if TYPE_CHECKING:
    from tests.conftest import Postgres

DASHBOARD = TREE / "docs" / "grafana" / "hotline.json"


def test_every_route_is_described_with_its_parameters_roles_and_answer(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with aiohttp.ClientSession(base_url=desks.url) as client, client.get("/api/openapi.json") as answer:
            said = await answer.json()
        assert said["openapi"] == "3.1.0"
        described = {(method.upper(), path): one for path, methods in said["paths"].items() for method, one in methods.items()}
        assert set(described) == {(route.method, route.path) for route in ROUTES}
        for route in ROUTES:
            one = described[route.method, route.path]
            assert [p["name"] for p in one["parameters"] if p["in"] == "query"] == [p.name for p in route.query]
            assert ("x-roles" in one) == (route.roles is not None)
            assert ("requestBody" in one) == (route.body is not None)
        assert len({one["operationId"] for one in described.values()}) == len(ROUTES)
        for reference in references(said):
            assert reference.rpartition("/")[2] in said["components"]["schemas"], reference

    with_desks(empty_database, work)


def references(said: Any) -> list[str]:
    """Every ``$ref`` in it."""
    return re.findall(r'"\$ref": "([^"]+)"', json.dumps(said))


async def scraped(desks: Desks) -> dict[str, list[tuple[dict[str, str], float]]]:
    async with aiohttp.ClientSession(base_url=desks.url) as client, client.get("/metrics") as answer:
        text = await answer.text()
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
        found.setdefault(family.name, [])
    return found


def test_the_figures_for_prometheus_are_those_on_the_screen_and_hold_no_citizens_number(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await desks.status()
        for number in range(6):
            await desks.call(number, connected_at=clock.now())
            await desks.request(number, "answered" if number % 2 else "abandoned", wait=number * 4)
        await desks.commit(
            "agent_states",
            {"node": "n1", "agent": "1001", "state": "ready", "since": clock.now(), "at": clock.now(), "queues": ["hotline"]},
        )

        async def is_counted() -> bool:
            values = (await scraped(desks))["hotline_requests"]
            return sum(value for labels, value in values if (labels["window"], labels["view"]) == ("today", "whole")) == 6

        await eventually(is_counted)
        said = await scraped(desks)
        of = {
            (labels["rate"], labels["window"], labels["view"], labels["basis"]): value for labels, value in said["hotline_rate_n"]
        }
        assert of["connection_rate", "today", "whole", "raw"] == of["connection_rate", "5min", "queue:hotline", "net"] == 3
        assert {labels["window"] for labels, _ in said["hotline_rate_value"]} == set(WINDOWS)
        assert {labels["rate"] for labels, _ in said["hotline_rate_n"]} <= set(metrics.NAMES)
        empty = [labels for labels, _ in said["hotline_rate_value"] if labels["view"] == "queue:english"]
        assert empty == []
        assert said["hotline_bridge_connected"] == [({"node": "n1"}, 1.0)]
        assert said["hotline_event_lag_seconds"] == [({"node": "n1"}, 0.007)]
        assert 0 <= said["hotline_figures_age_seconds"][0][1] < 60
        assert said["hotline_events_total"] == [({"node": "n1"}, 100.0)]
        assert ({"view": "whole", "state": "ready"}, 1.0) in said["hotline_agents"]
        assert "138000" not in str(said)

    with_desks(empty_database, work)


def test_the_dashboard_asks_for_nothing_that_is_not_told_and_its_titles_are_chinese(empty_database: Postgres) -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = set(re.findall(r"hotline_\w+", json.dumps([dashboard["panels"], dashboard["templating"]])))
    labels = dict[str, set[str]]()
    for expression in [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]:
        for name, inside in re.findall(r"(hotline_\w+)\{([^}]*)\}", expression):
            labels.setdefault(name, set()).update(re.findall(r"(\w+)=", inside))

    async def work(desks: Desks) -> None:
        await desks.status()
        await desks.request(1, "answered")

        async def is_counted() -> bool:
            return bool((await scraped(desks))["hotline_rate_value"])

        await eventually(is_counted)
        said = await scraped(desks)
        assert asked - said.keys() == set()
        told = {name for name in said if said[name] or name == "hotline_commands"}
        assert {name for name in told if not name.startswith("hotline_events") or name.endswith("_total")} - asked == set()
        for name, used in labels.items():
            assert used <= {label for sample, _ in said[name] for label in sample}, name

    with_desks(empty_database, work)
    assert all(re.search(r"[\u4e00-\u9fff]", panel["title"]) for panel in dashboard["panels"])

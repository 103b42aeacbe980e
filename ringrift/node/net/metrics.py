"""GET /metrics: the newest picture in the words of Prometheus, from the node's own registry."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ringrift.wire.views import StatusView


class StatusCollector(Collector):
    """Turns the newest `StatusView` into samples; an unknown figure is left out."""

    def __init__(self, newest: Callable[[], StatusView | None]) -> None:
        self._newest = newest

    def collect(self) -> Iterator[Metric]:
        status = self._newest()
        if status is None:
            return
        yield from _node_samples(status)
        yield from _config_samples(status)
        yield _labelled("ringrift_work_items", "Work items by state", "state", status.work_counts)
        healthy = {x.name: float(x.healthy) for x in status.loops if x.healthy is not None}
        yield _labelled("ringrift_loop_healthy", "1 if the loop is healthy", "loop", healthy)
        failures = CounterMetricFamily("ringrift_loop_failures", "Failures", labels=["loop"])
        for loop in status.loops:
            failures.add_metric([loop.name], loop.failures)
        yield failures


def registry_of(newest: Callable[[], StatusView | None]) -> CollectorRegistry:
    """Return a registry that holds the node's samples and nobody else's."""
    registry = CollectorRegistry()
    registry.register(StatusCollector(newest))
    return registry


def _node_samples(status: StatusView) -> Iterator[Metric]:
    here = next((node for node in status.nodes if node.id == status.node_id), None)
    samples: tuple[tuple[str, str, float | None], ...] = (
        ("ringrift_voter_quorum_ok", "1 while a quorum holds", float(status.voter_quorum_ok)),
        ("ringrift_term", "Leadership epoch", status.term),
        ("ringrift_applied_index", "Newest log entry applied", status.applied_index),
        ("ringrift_uptime_seconds", "Age of the process", status.uptime_s),
        ("ringrift_slots", "Compute slots", here.slots if here else None),
        ("ringrift_slots_busy", "Compute slots at work", here.slots_busy if here else None),
        ("ringrift_memory_percent", "Memory in use", here.memory_percent if here else None),
        ("ringrift_disk_free_bytes", "Disk space left", here.disk_free_bytes if here else None),
        ("ringrift_event_loop_lag_ms", "Lag, p99", here.loop_lag_ms if here else None),
    )
    for name, text, value in samples:
        if value is not None:
            yield GaugeMetricFamily(name, text, value=value)


def _config_samples(status: StatusView) -> Iterator[Metric]:
    games = CounterMetricFamily("ringrift_games", "Games kept", labels=["config"])
    for config in status.configs:
        games.add_metric([config.name], config.games)
    yield games
    generations = {config.name: config.generation for config in status.configs}
    yield _labelled("ringrift_generation", "Networks published", "config", generations)
    elos = {
        config.name: config.champion_rating.elo
        for config in status.configs
        if config.champion_rating is not None and config.champion_rating.elo is not None
    }
    yield _labelled("ringrift_champion_elo", "Rating of the champion", "config", elos)


def _labelled(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family

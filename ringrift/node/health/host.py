"""Measures the machine: processor, memory (as tiers) and disk, off the event loop."""

import shutil
from pathlib import Path

import psutil

from ringrift.node.health.gpu import Card, cards
from ringrift.node.health.memory import MemoryPressure, Tier
from ringrift.node.net.observed import Host
from ringrift.node.runtime.blocking import Blocking
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.loop import Pulse
from ringrift.node.runtime.settings import NodeSettings


class HostObserver:
    """The machine as last measured."""

    def __init__(
        self, settings: NodeSettings, data: Path, clock: Clock, blocking: Blocking
    ) -> None:
        self._interval_s = settings.observe_interval_s
        self._pressure = MemoryPressure(
            settings.memory_tiers, settings.memory_hysteresis, settings.memory_samples
        )
        self._data = data
        self._clock = clock
        self._blocking = blocking
        self.host = Host()

    @property
    def tier(self) -> Tier | None:
        """The memory tier, None before the first measurement."""
        return None if self.host.memory_percent is None else self._pressure.tier

    async def run(self, pulse: Pulse) -> None:
        """Measure until cancelled."""
        while True:
            cpu, memory, disk_free, found = await self._blocking(self._measure)
            self._pressure = self._pressure.after(memory)
            self.host = Host(cpu, memory, self._pressure.tier, disk_free, found)
            pulse.ran(
                {
                    "cpu_percent": cpu,
                    "memory_percent": memory,
                    "memory_pressure_tier": self._pressure.tier,
                    "disk_free_bytes": disk_free,
                    "gpus": len(found),
                }
            )
            await self._clock.sleep(self._interval_s)

    def _measure(self) -> tuple[float | None, float, int, tuple[Card, ...]]:
        # The first answer of psutil spans no time at all and means nothing.
        cpu = psutil.cpu_percent(None)
        known = cpu if self.host.memory_percent is not None else None
        memory, disk = psutil.virtual_memory().percent, shutil.disk_usage(self._data).free
        return known, memory, disk, cards()

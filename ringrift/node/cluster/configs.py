"""Configurations: what is wanted of each, and which networks stand for it."""

from typing import Literal

import msgspec

from ringrift.node.cluster.results import Done, Effect
from ringrift.node.cluster.table import Table
from ringrift.wire.events import ConfigModeChanged
from ringrift.wire.job import ConfigName, Sha256

Mode = Literal["active", "paused"]


class ConfigRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One configuration.

    `generation` counts published models. `generator` plays selfplay (None: untrained), `champion`
    passed the promotion test. `games_fitted` and `rows_fitted` are the totals that the newest fit
    had before it: what came since is new.
    """

    name: ConfigName
    mode: Mode
    generation: int = 0
    generator: Sha256 | None = None
    champion: Sha256 | None = None
    games_fitted: int = 0
    rows_fitted: int = 0


class Configs:
    """Configurations by name."""

    def __init__(self) -> None:
        self.rows: Table[str, ConfigRow] = Table("configs")

    def is_active(self, config: str) -> bool:
        """Whether new work of this configuration may be started."""
        row = self.rows.get(config)
        return row is not None and row.mode == "active"

    def set_mode(self, config: str, mode: Mode) -> Effect:
        row = self.rows.get(config)
        if row is not None and row.mode == mode:
            return Effect(Done(f"{config} is {mode} already"))
        self.rows[config] = (
            ConfigRow(name=config, mode=mode)
            if row is None
            else msgspec.structs.replace(row, mode=mode)
        )
        return Effect(
            Done(f"{config} is now {mode}"), (ConfigModeChanged(config=config, mode=mode),)
        )

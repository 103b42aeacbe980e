"""Who is rated: a network or a baseline, on one config, with one way to search.

The same weights that search otherwise are another player, and so is a baseline of another version.
The canonical text of a player is its key in ratings and result files.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ringrift.engine.config import Config

NO_SEARCH = "none"

_WHO = re.compile(r"[0-9a-f]{64}|[a-z]+(-[a-z]+)*-[0-9]+")
_SEARCH = re.compile(r"none|[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, order=True)
class RatedPlayer:
    """`config` as in "hex8_2p"; `who`: sha256 of weights, or a baseline's name with version, as in
    "heuristic-2"; `search`: the hash of its settings (`search_hash`), NO_SEARCH for a baseline.

    Raises ValueError on anything else.
    """

    config: str
    who: str
    search: str = NO_SEARCH

    def __post_init__(self) -> None:
        Config.parse(self.config)
        if not _WHO.fullmatch(self.who):
            raise ValueError(
                f"player {self.who!r} is neither the sha256 of weights nor a baseline with its "
                "version, as in heuristic-2."
            )
        if not _SEARCH.fullmatch(self.search):
            raise ValueError(
                f"search {self.search!r} is neither {NO_SEARCH!r} nor 12 digits of a hash."
            )

    @property
    def text(self) -> str:
        """`config/who/search`, unique to this player."""
        return f"{self.config}/{self.who}/{self.search}"

    @staticmethod
    def parse(text: str) -> "RatedPlayer":
        """The player with that text. Raises ValueError when there is none."""
        parts = text.split("/")
        if len(parts) != 3:
            raise ValueError(f"player {text!r} must be config/who/search.")
        return RatedPlayer(*parts)


def search_hash(settings: Mapping[str, int | float | str | bool]) -> str:
    """12 hex digits that change with any setting of a search, and not with their order."""
    text = json.dumps(dict(settings), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]

"""What every transition is handed: the tables, and where in the log its command stands."""

from dataclasses import dataclass
from typing import NamedTuple

from ringrift.node.cluster.audit import Audit
from ringrift.node.cluster.charter import Charter
from ringrift.node.cluster.configs import Configs
from ringrift.node.cluster.members import Members
from ringrift.node.cluster.models import Models
from ringrift.node.cluster.queue import WorkQueue
from ringrift.node.cluster.results import Refused
from ringrift.node.cluster.sessions import Sessions
from ringrift.node.cluster.shards import Shards
from ringrift.node.cluster.tokens import Tokens
from ringrift.wire.log import Voters


class Tables(NamedTuple):
    """Every table of the state, what is named before what names it."""

    charter: Charter
    members: Members
    tokens: Tokens
    sessions: Sessions
    models: Models
    shards: Shards
    configs: Configs
    work: WorkQueue
    audit: Audit

    @staticmethod
    def empty() -> "Tables":
        return Tables(
            Charter(), Members(), Tokens(), Sessions(), Models(), Shards(), Configs(), WorkQueue(),
            Audit(),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command stands in the log; `at_ms` is only ever stored, never judged.

    `voters` are those whom its entry names, `deciding` those who decide before it. `owner` is whose
    session it came in, "" without one.
    """

    index: int
    at_ms: int
    voters: Voters | None
    deciding: Voters
    owner: str


def no_model(tables: Tables, config: str, sha256: str) -> Refused | None:
    """Why a configuration has no such model, None when it has."""
    model = tables.models.rows.get(sha256)
    if model is None or model.config != config:
        return Refused(f"{config} has no model {sha256[:12]}.")
    return None

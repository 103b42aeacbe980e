"""The cluster state: tables that only `apply` changes, one entry after the other.

Reading (all rows are frozen structs; take what you need between two awaits):

    state.index, state.term             the last applied entry
    state.members.rows[node]            Member: boot, mode, restart_generation, version
    state.node_mode(node)               "active", "draining", or "drained" (no claim left)
    state.configs.rows[config]          ConfigRow: mode, generation, generator, champion
    state.work.rows[item]               Item: payload, state, claim, attempts, outcome
    state.work.pending() / .claimed()   live items, in claim order / by id
    state.models.rows[sha256]           Model: training figures, matches, verdict
    state.models.of(config)             oldest generation first
    state.model_status(model)           "champion", "generator", "candidate", "rejected", "retired"
    state.shards.rows[sha256]           Shard
    state.shards.of(config)             Totals: shards, games, decisions, full_rows, steps, bytes
    state.sessions.rows[session]        Session
    state.digest()                      sha256 over everything, equal on every replica at one index
"""

from typing import Literal

from ringrift.node.cluster.configs import Configs
from ringrift.node.cluster.members import Members
from ringrift.node.cluster.models import Model, Models, Status
from ringrift.node.cluster.queue import WorkQueue
from ringrift.node.cluster.results import Applied
from ringrift.node.cluster.sessions import Sessions
from ringrift.node.cluster.shards import Shards
from ringrift.node.consensus.entry import Entry


class ClusterState:
    """What the cluster decided up to entry `index`."""

    def __init__(self) -> None:
        self.index = 0
        self.term = 0
        self.sessions = Sessions()
        self.members = Members()
        self.configs = Configs()
        self.work = WorkQueue()
        self.models = Models()
        self.shards = Shards()

    def apply(self, entry: Entry) -> Applied:
        """Apply the entry after `index`; deterministic, and never an exception for bad wishes.

        Raises CommandError when the entry holds a command this version does not know: the node must
        stop applying then.
        """
        raise NotImplementedError

    def digest(self) -> str:
        """sha256 (hex) over the canonical encoding of every table; computed once an index."""
        raise NotImplementedError

    def node_mode(self, node: str) -> Literal["active", "draining", "drained"]:
        """What is wanted of a node, and whether a drain is done: no live claim is its own."""
        member = self.members.rows[node]
        if member.mode == "active":
            return "active"
        busy = any(i.claim is not None and i.claim.node == node for i in self.work.claimed())
        return "draining" if busy else "drained"

    def model_status(self, model: Model) -> Status:
        """How a model stands now; champion before generator when it is both."""
        row = self.configs.rows[model.config]
        if row.champion == model.sha256:
            return "champion"
        if row.generator == model.sha256:
            return "generator"
        if model.verdict is None:
            return "candidate"
        return "retired" if model.verdict.decision == "undecided" else "rejected"

"""The cluster state: tables that only `apply` changes, one entry after the other.

Reading (all rows are frozen structs; take what you need between two awaits):

    state.index, state.term             the last applied entry
    state.voters                        ids of those whose majority decides; () before any are named
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

from collections.abc import Callable, Iterator
from typing import Any, Literal

from ringrift.node.cluster import commands as c
from ringrift.node.cluster import transitions as t
from ringrift.node.cluster.configs import Configs
from ringrift.node.cluster.members import Members
from ringrift.node.cluster.models import Model, Models, Status
from ringrift.node.cluster.queue import WorkQueue
from ringrift.node.cluster.results import Applied, Effect, SessionLost
from ringrift.node.cluster.sessions import Kept, Sessions
from ringrift.node.cluster.shards import Shards
from ringrift.node.cluster.snapshot import Loader, Moment, digest_of, dump, picture
from ringrift.wire.log import NO_SESSION, Entry, Voters

CHECK_EVERY = 1_000
"""Entries between two full checks of the state's invariants (replicas compare digests as often)."""

_TRANSITIONS: dict[type[c.Command], Callable[[t.Tables, Any, t.Place], Effect]] = {
    c.Blank: t.blank,
    c.ChangeVoters: t.change_voters,
    c.OpenSession: t.open_session,
    c.ExpireSession: t.expire_session,
    c.JoinMember: t.join_member,
    c.SetNodeMode: t.set_node_mode,
    c.RestartNode: t.restart_node,
    c.SetConfigMode: t.set_config_mode,
    c.AddWork: t.add_work,
    c.ClaimWork: t.claim_work,
    c.CompleteWork: t.complete_work,
    c.ReturnWork: t.return_work,
    c.FailWork: t.fail_work,
    c.ExpireClaim: t.expire_claim,
    c.CancelWork: t.cancel_work,
    c.EvictWork: t.evict_work,
    c.RegisterShard: t.register_shard,
    c.SetGenerator: t.set_generator,
    c.Promote: t.promote,
    c.Reject: t.reject,
}

_WITHOUT_SESSION = (c.Blank, c.OpenSession)


class ClusterState:
    """What the cluster decided up to entry `index`."""

    def __init__(self) -> None:
        self.index = 0
        self.term = 0
        self.voters: Voters = ()
        self._digest: tuple[int, str] | None = None
        self._tables = t.Tables(Sessions(), Members(), Configs(), WorkQueue(), Models(), Shards())

    @property
    def sessions(self) -> Sessions:
        return self._tables.sessions

    @property
    def members(self) -> Members:
        return self._tables.members

    @property
    def configs(self) -> Configs:
        return self._tables.configs

    @property
    def work(self) -> WorkQueue:
        return self._tables.work

    @property
    def models(self) -> Models:
        return self._tables.models

    @property
    def shards(self) -> Shards:
        return self._tables.shards

    def apply(self, entry: Entry) -> Applied:
        """Apply the entry after `index`; deterministic, and never an exception for bad wishes.

        Raises CommandError, with nothing changed, when the entry holds a command this version does
        not know: the node must stop applying then.
        """
        assert entry.index == self.index + 1, (entry.index, self.index)
        assert entry.term >= self.term, (entry.term, self.term)
        command = c.decode_command(entry.command)
        assert entry.voters is None or isinstance(command, c.ChangeVoters), entry.index
        earlier = self._earlier(entry, command)
        if earlier is None:
            first_index, effect = entry.index, self._run(entry, command)
        else:
            first_index, effect = earlier.index, Effect(earlier.result)
        self.index, self.term = entry.index, entry.term
        if entry.voters is not None:
            # Even when the command does not run: consensus obeyed the entry once it was logged.
            self.voters = entry.voters
        if self.index % CHECK_EVERY == 0:
            self.check()
        return Applied(entry, first_index, effect.result, effect.events)

    def _earlier(self, entry: Entry, command: c.Command) -> Kept | None:
        """The answer to an entry that must not run: it ran before, or its session is gone."""
        if _needs_no_session(entry, command):
            return None
        kept = self.sessions.earlier(entry.session, entry.seq)
        return Kept(entry.seq, entry.index, kept) if isinstance(kept, SessionLost) else kept

    def _run(self, entry: Entry, command: c.Command) -> Effect:
        place = t.Place(entry.index, entry.at_ms, entry.voters)
        effect = _TRANSITIONS[type(command)](self._tables, command, place)
        if not _needs_no_session(entry, command):
            self.sessions.keep(entry.session, entry.seq, entry.index, effect.result)
        return effect

    def digest(self) -> str:
        """sha256 (hex) over the canonical encoding of every table; computed once an index."""
        if self._digest is None or self._digest[0] != self.index:
            self._digest = (self.index, digest_of(self._tables, self._moment()))
        return self._digest[1]

    def snapshot(self, incarnation: str) -> Iterator[bytes]:
        """The state as of this call in chunks (see `snapshot.py`), encoded as they are taken."""
        copied = picture(self._tables)
        return dump(copied, incarnation, self._moment())

    @staticmethod
    def restored(loader: Loader) -> "ClusterState":
        """The state of a snapshot whose chunks the loader was fed; raises SnapshotError."""
        head, tables, digest = loader.finish()
        state = ClusterState()
        state.index, state.term, state.voters = head.index, head.term, head.voters
        state._tables = tables
        state._digest = (head.index, digest)
        state.check()
        return state

    def _moment(self) -> Moment:
        return Moment(self.index, self.term, self.voters)

    def check(self) -> None:
        """Assert what must hold between and inside the tables; costs a pass over the rows."""
        self.work.check()
        self.shards.check()
        for row in self.configs.rows.values():
            for sha256 in (row.generator, row.champion):
                assert sha256 is None or self.models.rows[sha256].config == row.name, row
            assert row.games_fitted <= self.shards.of(row.name).games, row
        for item in self.work.claimed():
            assert item.claim is not None and item.claim.node in self.members.rows, item
        for session in self.sessions.rows.values():
            assert session.last_index <= self.index, session

    def node_mode(self, node: str) -> Literal["active", "draining", "drained"]:
        """What is wanted of a node, and whether a drain is done: no live claim is its own."""
        member = self.members.rows[node]
        if member.mode == "active":
            return "active"
        busy = any(i.claim is not None and i.claim.node == node for i in self.work.claimed())
        return "draining" if busy else "drained"

    def model_status(self, model: Model) -> Status:
        """How a model stands now; champion before generator when it is both.

        "retired" is a champion that was replaced, or a candidate that was never judged.
        """
        row = self.configs.rows[model.config]
        if row.champion == model.sha256:
            return "champion"
        if row.generator == model.sha256:
            return "generator"
        if model.verdict is None:
            return "candidate"
        return "rejected" if model.verdict.decision == "rejected" else "retired"


def _needs_no_session(entry: Entry, command: c.Command) -> bool:
    if isinstance(command, c.ChangeVoters):
        return entry.session == NO_SESSION
    return isinstance(command, _WITHOUT_SESSION)

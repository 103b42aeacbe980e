"""The cluster state: tables that only `apply` changes, one entry after the other.

Reading (all rows are frozen structs; take what you need between two awaits):

    state.index, state.term             the last applied entry
    state.voters                        ids of those whose majority decides; () before any are named
    state.charter.agreed                Agreed: timing, format
    state.members.rows[id]              Member: role, key, revoked, life, mode, generations
    state.node_mode(node)               "active", "draining", or "drained" (no claim left)
    state.tokens.rows[sha256]           Token: role, lifetime, who used it
    state.configs.rows[config]          ConfigRow: mode, generation, generator, champion
    state.work.rows[item]               Item: payload, state, claim, attempts, outcome
    state.work.pending() / .claimed()   live items, in claim order / by id; .of(node): its claims
    state.claimable(node, kinds)        of which kinds a claim would bring something now
    state.models.rows[sha256]           Model: training figures, matches, verdict
    state.models.of(config)             oldest generation first
    state.model_status(model)           "champion", "generator", "candidate", "rejected", "retired"
    state.shards.rows[sha256]           Shard
    state.shards.of(config)             Totals: shards, games, decisions, full_rows, steps, bytes
    state.sessions.rows[session]        Session
    state.audit.after(index)            AuditLines: what operators did since an entry
    state.size_bytes, state.full        how long all rows are; whether nothing more is taken in
    state.digest()                      sha256 over everything, equal on every replica at one index
    state.marks                         digests at the last multiples of MARK_EVERY, by index
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from ringrift.node.cluster import checks
from ringrift.node.cluster import commands as c
from ringrift.node.cluster.audit import Audit, AuditLine
from ringrift.node.cluster.charter import Charter
from ringrift.node.cluster.configs import Configs
from ringrift.node.cluster.members import Members
from ringrift.node.cluster.models import Model, Models, Status
from ringrift.node.cluster.queue import WorkQueue
from ringrift.node.cluster.results import Applied, Effect, Refused, Result, SessionLost, told
from ringrift.node.cluster.sessions import Kept, Sessions
from ringrift.node.cluster.shards import Shards
from ringrift.node.cluster.snapshot import Loader, Moment, digest_of, dump, picture, rows_of
from ringrift.node.cluster.table import Table
from ringrift.node.cluster.tokens import Tokens
from ringrift.node.cluster.transitions.base import Place, Tables
from ringrift.node.cluster.transitions.claims import claimant, rejection
from ringrift.node.cluster.transitions.every import TRANSITIONS
from ringrift.node.cluster.work import Kind
from ringrift.wire.log import NO_SESSION, Entry, Voters

MAX_STATE_BYTES = 32 * 1024 * 1024
"""Longest the rows may be, all together; what may grow stops `RESERVE_BYTES` before that."""
RESERVE_BYTES = 4 * 1024 * 1024
"""For what is never refused for want of room: results, audit, ends of work, verdicts."""

MARK_EVERY = 1_000
"""Nodes compare their digests at every so many entries (DESIGN.md 4)."""
MARKS_KEPT = 64
"""Of a load that decides 6,000 entries a second, these are the last ten seconds."""

_GROWING = (c.AddWork, c.RetryWork, c.RegisterShard, c.CreateToken, c.AdmitMember)
_WITHOUT_SESSION = (c.Blank, c.OpenSession)


class ClusterState:
    """What the cluster decided up to entry `index`."""

    def __init__(self) -> None:
        self.index = 0
        self.term = 0
        self.voters: Voters = ()
        self.marks: dict[int, str] = {}
        self._tables = Tables.empty()

    @property
    def charter(self) -> Charter:
        return self._tables.charter

    @property
    def tokens(self) -> Tokens:
        return self._tables.tokens

    @property
    def audit(self) -> Audit:
        return self._tables.audit

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
        if self.index % MARK_EVERY == 0:
            self.marks[self.index] = self.digest()
            self.marks.pop(self.index - MARKS_KEPT * MARK_EVERY, None)
        return Applied(entry, first_index, effect.result, effect.events)

    def _earlier(self, entry: Entry, command: c.Command) -> Kept | None:
        """The answer to an entry that must not run: it ran before, or its session is gone."""
        if _needs_no_session(entry, command):
            return None
        kept = self.sessions.earlier(entry.session, entry.seq)
        return Kept(entry.seq, entry.index, kept) if isinstance(kept, SessionLost) else kept

    def _run(self, entry: Entry, command: c.Command) -> Effect:
        session = self.sessions.rows.get(entry.session)
        owner = "" if session is None else session.owner
        place = Place(entry.index, entry.at_ms, entry.voters, self.voters, owner)
        refused = self._turned_away(command)
        effect = (
            TRANSITIONS[type(command)](self._tables, command, place)
            if refused is None
            else Effect(refused)
        )
        actor = c.actor_of(command)
        if actor is not None:
            self.audit.record(entry.index, _line(entry, actor, command, effect.result))
        if not _needs_no_session(entry, command):
            self.sessions.keep(entry.session, entry.seq, entry.index, effect.result)
        return effect

    def _turned_away(self, command: c.Command) -> Refused | None:
        """Why a command does not run whatever it is about: who asks, or no room is left."""
        row = self.members.rows.get(c.actor_of(command) or "")
        if row is not None and (row.revoked is not None or row.role == "viewer"):
            standing = "is revoked" if row.revoked is not None else "may only look"
            return Refused(f"{row.id} {standing}.")
        if self.full and isinstance(command, _GROWING):
            return Refused(f"The state has {self.size_bytes} bytes; {MAX_STATE_BYTES} is the most.")
        return None

    def tables(self) -> dict[str, Table[Any, Any]]:
        """The rows of every table by its name."""
        return rows_of(self._tables)

    @property
    def size_bytes(self) -> int:
        """The length of all rows, as a snapshot has them."""
        return sum(table.bytes for table in self.tables().values())

    @property
    def full(self) -> bool:
        """Whether nothing more is taken in until something leaves."""
        return self.size_bytes > MAX_STATE_BYTES - RESERVE_BYTES

    def digest(self) -> str:
        """sha256 (hex) over the canonical encoding of every table, from sums that they keep."""
        return digest_of(self._tables, self._moment())

    def snapshot(self, incarnation: str) -> Iterator[bytes]:
        """The state as of this call in chunks (see `snapshot.py`), encoded as they are taken."""
        copied = picture(self._tables)
        return dump(copied, incarnation, self._moment(), self.digest())

    @staticmethod
    def restored(loader: Loader) -> "ClusterState":
        """The state of a snapshot whose chunks the loader was fed; raises SnapshotError."""
        head, tables = loader.finish()
        state = ClusterState()
        state.index, state.term, state.voters = head.index, head.term, head.voters
        state._tables = tables
        return state

    def _moment(self) -> Moment:
        return Moment(self.index, self.term, self.voters)

    def check(self) -> None:
        """Assert what must hold between and inside the tables; costs a pass over the rows.

        A restored state was checked while it was read; replicas compare their digests.
        """
        checks.everything(self._tables, self.index)

    def claimable(self, node: str, kinds: Iterable[Kind]) -> tuple[Kind, ...]:
        """The kinds of these of which a claim by a node would bring something now."""
        kinds, member = tuple(kinds), self.members.rows.get(node)
        if member is None or not member.works:
            return ()
        asking = claimant(self._tables, member, kinds)
        found = {i.kind for i in self.work.pending() if rejection(self._tables, asking, i) is None}
        return tuple(kind for kind in kinds if kind in found)

    def node_mode(self, node: str) -> Literal["active", "draining", "drained"]:
        """What is wanted of a node, and whether a drain is done: no live claim is its own."""
        member = self.members.rows[node]
        if member.mode == "active":
            return "active"
        busy = any(True for _ in self.work.of(node))
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


def _line(entry: Entry, actor: str, command: c.Command, result: Result) -> AuditLine:
    refused = isinstance(result, Refused)
    return AuditLine(entry.at_ms, actor, c.described(command), told(result), refused)

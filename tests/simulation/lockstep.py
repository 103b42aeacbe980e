"""A handful of Raft machines, their disks, and a bag of messages that moves only when told.

`Lockstep` is a driver for scripts: it carries out what each machine wants and writes down a line
for it. Nothing happens by itself: all machines share one clock, and the script moves it.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from ringrift.node.consensus.raft.core import (
    ChangeRefusedError,
    NotLeadingError,
    Raft,
    Start,
)
from ringrift.node.consensus.raft.ready import Envelope, HardState, Origin, Ready
from ringrift.node.consensus.raft.timing import Timing
from ringrift.node.consensus.raft.transfer import Incoming, Outgoing
from ringrift.node.sim.words import (
    applied_words,
    command_words,
    message_words,
    read_words,
    role_words,
    write_words,
)
from ringrift.wire.log import Entry
from ringrift.wire.raft import RaftMessage, SnapshotAck, SnapshotChunk

PARTS = 6
"""Parts of every snapshot: more than may be under way at once."""


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """What was applied up to its origin."""

    origin: Origin
    state: tuple[str, ...] = ()

    def parts(self) -> list[bytes]:
        """Its encoding in equal parts."""
        data = msgspec.json.encode(self)
        size = -(-len(data) // PARTS)
        return [data[n * size : (n + 1) * size] for n in range(PARTS)]


@dataclass(slots=True)
class Platter:
    """What a crash leaves: the newest snapshot, and the log whose first entry follows `origin`."""

    snapshot: Snapshot
    origin: Origin
    hard_state: HardState = field(default_factory=HardState)
    entries: list[Entry] = field(default_factory=list[Entry])

    def write(self, ready: Ready) -> None:
        """Make a `Ready` durable."""
        self.hard_state = ready.hard_state or self.hard_state
        if ready.restart is not None:
            self.origin, self.entries = ready.restart, []
        if ready.truncate_after is not None:
            del self.entries[ready.truncate_after - self.origin.index :]
        self.entries += ready.entries

    def begin_after_snapshot(self) -> None:
        """Forget what the snapshot holds: all, when the log does not contain its last entry."""
        origin = self.snapshot.origin
        place = origin.index - self.origin.index
        terms = [self.origin.term, *(entry.term for entry in self.entries)]
        fits = place < len(terms) and terms[place] == origin.term
        self.entries = self.entries[place:] if fits else []
        self.origin = origin


@dataclass(slots=True)
class Server:
    """One machine and what surrounds it; `raft` is None while it is down.

    `pending` are the writes that are not durable; with `syncs` none stays so. `seen` is the role
    that the trace has told last.
    """

    name: str
    platter: Platter
    raft: Raft | None = None
    boots: int = 0
    syncs: bool = True
    pending: list[Ready] = field(default_factory=list[Ready])
    state: list[str] = field(default_factory=list[str])
    outgoing: dict[str, Outgoing] = field(default_factory=dict[str, Outgoing])
    incoming: Incoming = field(default_factory=Incoming)
    parts: list[bytes] = field(default_factory=list[bytes])
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message under way."""

    number: int
    sender: str
    to: str
    message: RaftMessage

    def __str__(self) -> str:
        return f"{self.sender} -> {self.to}  {message_words(self.message)}"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the trace. One that tells of a letter's sending is dropped if it also arrives."""

    text: str
    sent: int | None = None


class Lockstep:
    """The cluster of one script. Only what the script says happens."""

    def __init__(self, timing: Timing, seed: str) -> None:
        self.timing = timing
        self.now = 0.0
        self.servers: dict[str, Server] = {}
        self.bag: list[Letter] = []
        self.cuts: set[tuple[str, str]] = set()
        self.delivered: list[Letter] = []
        self._seed = seed
        self._letters = 0
        self._lines: list[Line] = []
        self._indent = ""
        self._decided: dict[int, Entry] = {}

    def take_trace(self) -> list[str]:
        """The lines since the last call."""
        arrived = {letter.number for letter in self.delivered}
        lines = [line.text for line in self._lines if line.sent not in arrived]
        self._lines.clear()
        self.delivered.clear()
        return lines

    # Machines.

    def add(self, name: str, platter: Platter) -> None:
        """Start a machine with what is on a disk."""
        self.servers[name] = Server(name, platter)
        self.start(name)

    def start(self, name: str) -> None:
        """Start a machine that is down."""
        server = self.servers[name]
        assert server.raft is None, f"{name} is up"
        server.boots += 1
        platter = server.platter
        platter.begin_after_snapshot()
        server.state = list(platter.snapshot.state)
        rng = random.Random(f"{self._seed}/{name}/{server.boots}")
        start = Start(platter.hard_state, platter.origin, tuple(platter.entries), b"")
        server.raft = Raft(name, self.timing, rng, start, self.now)
        server.seen = role_words(server.raft)

    def crash(self, name: str) -> None:
        """Stop a machine; what was not durable is gone, and what waited for it is never sent."""
        server = self.servers[name]
        server.raft, server.incoming = None, Incoming()
        server.pending.clear()
        server.outgoing.clear()

    def up(self, name: str) -> Raft:
        """The machine of that name, which is not down."""
        raft = self.servers[name].raft
        assert raft is not None, f"{name} is down"
        return raft

    def act(self, name: str, deed: Callable[[Raft], object]) -> None:
        """Do something to a machine and carry out what it then wants."""
        server, raft = self.servers[name], self.up(name)
        try:
            deed(raft)
        except NotLeadingError:
            self._tell(f"{name}  refuses: it may not decide now")
        except ChangeRefusedError as error:
            self._tell(f"{name}  refuses: {error}")
        self._settle(server, raft)

    def flush(self, name: str) -> None:
        """Make everything durable that a machine wants to be."""
        server, raft = self.servers[name], self.up(name)
        self._sync(server, raft)
        self._settle(server, raft)

    def compact(self, name: str, index: int) -> None:
        """Take a snapshot up to an applied index, durably, and forget the entries before."""
        server, raft = self.servers[name], self.up(name)
        state = tuple(line for line in server.state if int(line.partition(" ")[0]) <= index)
        raft.compact(index)
        server.platter.snapshot = Snapshot(raft.tail.origin, state)
        server.platter.begin_after_snapshot()

    # Time.

    def due(self, name: str) -> float:
        """When a machine wants to act by itself."""
        server = self.servers[name]
        retries = [outgoing.next_retry() for outgoing in server.outgoing.values()]
        return min([self.up(name).next_tick, *retries])

    def tick(self, name: str) -> None:
        """Let a machine do what it is time for."""
        self.act(name, lambda raft: raft.tick(self.now))
        server = self.servers[name]
        for peer, outgoing in list(server.outgoing.items()):
            if outgoing.failed(self.now):
                del server.outgoing[peer]
                self._tell(f"{name}  gives up its snapshot to {peer}")
                self.act(name, lambda raft, to=peer: raft.snapshot_ended(to, None, self.now))
            else:
                self._send_parts(server, peer, outgoing)

    def advance(self, until: float) -> None:
        """Let time pass; every machine acts when it wants to, no message moves."""
        while True:
            alive = [name for name, server in self.servers.items() if server.raft is not None]
            name = min(alive, key=self.due, default=None)
            if name is None or self.due(name) > until:
                break
            self.now = max(self.now, self.due(name))
            self.tick(name)
        self.now = until

    # Messages.

    def deliver(self, letter: Letter) -> None:
        """Hand a message of the bag to its machine, unless it cannot be reached."""
        self.bag.remove(letter)
        self.delivered.append(letter)
        receiver = self.servers[letter.to]
        if receiver.raft is None or (letter.sender, letter.to) in self.cuts:
            self._tell(f"{letter}  (lost)")
            return
        self._tell(str(letter).replace("->", "=>", 1))
        self._indent = "    "
        self.act(letter.to, lambda raft: raft.receive(letter.sender, letter.message, self.now))
        self._indent = ""

    def repeat(self, letter: Letter) -> None:
        """Put another copy of a message into the bag."""
        self._post(letter.sender, Envelope(letter.to, letter.message))

    def _post(self, sender: str, envelope: Envelope) -> None:
        self._letters += 1
        letter = Letter(self._letters, sender, envelope.to, envelope.message)
        if (sender, envelope.to) in self.cuts or envelope.to not in self.servers:
            self._tell(f"{letter}  (lost)")
            return
        self.bag.append(letter)
        self._lines.append(Line(f"{self._indent}{letter}", letter.number))

    # What machines want.

    def _tell(self, line: str) -> None:
        self._lines.append(Line(self._indent * ("=>" not in line) + line))

    def _tell_role(self, server: Server, raft: Raft) -> None:
        role = role_words(raft)
        if role != server.seen:
            server.seen = role
            self._tell(f"{server.name}  {role}")

    def _settle(self, server: Server, raft: Raft) -> None:
        self._tell_role(server, raft)
        while (ready := raft.ready(self.now)) is not None:
            self._obey(server, raft, ready)
            if server.syncs:
                self._sync(server, raft)
            self._tell_role(server, raft)
        if raft.leading is None:
            server.outgoing.clear()

    def _obey(self, server: Server, raft: Raft, ready: Ready) -> None:
        name = server.name
        for words in write_words(ready):
            self._tell(f"{name}  {words}{'' if server.syncs else ' (not durable yet)'}")
        for envelope in ready.send:
            self._post(name, envelope)
        if ready.writes or ready.send_durable:
            server.pending.append(ready)
        if not server.syncs:
            for envelope in ready.send_durable:
                words = message_words(envelope.message)
                self._tell(f"{name} .. {envelope.to}  {words} (waits for the disk)")
        self._apply(server, ready.apply)
        for read in ready.reads:
            self._tell(f"{name}  {read_words(read)}")
        for peer in ready.snapshots_to:
            self._begin_transfer(server, peer)
        for sender, message in ready.transfers:
            if isinstance(message, SnapshotAck):
                self._acknowledged(server, raft, sender, message)
            else:
                self._take_part(server, raft, sender, message)

    def _sync(self, server: Server, raft: Raft) -> None:
        pending, server.pending = server.pending, []
        for ready in pending:
            server.platter.write(ready)
        if pending:
            raft.synced(pending[-1].number, self.now)
            self._tell_role(server, raft)
        for ready in pending:
            for envelope in ready.send_durable:
                self._post(server.name, envelope)

    def _apply(self, server: Server, entries: Sequence[Entry]) -> None:
        for entry in entries:
            decided = self._decided.setdefault(entry.index, entry)
            assert decided == entry, f"{server.name} applies {entry}, another one {decided}"
            server.state.append(f"{entry.index} {command_words(entry)}")
        if entries:
            self._tell(f"{server.name}  applies {applied_words(entries)}")

    # Snapshots on their way.

    def _begin_transfer(self, server: Server, peer: str) -> None:
        index = server.platter.snapshot.origin.index
        self._tell(f"{server.name}  sends its snapshot up to {index} to {peer}")
        server.outgoing[peer] = Outgoing(index, PARTS, self.timing, self.now)
        self._send_parts(server, peer, server.outgoing[peer])

    def _send_parts(self, server: Server, peer: str, outgoing: Outgoing) -> None:
        parts = server.platter.snapshot.parts()
        term = self.up(server.name).term
        for number in outgoing.due(self.now):
            final = number == PARTS - 1
            chunk = SnapshotChunk(term, outgoing.index, number, final, parts[number])
            self._post(server.name, Envelope(peer, chunk))

    def _acknowledged(self, server: Server, raft: Raft, peer: str, ack: SnapshotAck) -> None:
        outgoing = server.outgoing.get(peer)
        if outgoing is None or outgoing.index != ack.index:
            return
        outgoing.acknowledged(ack.number, self.now)
        if outgoing.done:
            del server.outgoing[peer]
            raft.snapshot_ended(peer, ack.index, self.now)
        else:
            self._send_parts(server, peer, outgoing)

    def _take_part(self, server: Server, raft: Raft, sender: str, chunk: SnapshotChunk) -> None:
        taken = server.incoming.take(sender, chunk)
        acknowledge = taken.acknowledge
        if taken.first:
            server.parts.clear()
        if taken.store:
            server.parts.append(chunk.data)
        if taken.last:
            self._install(server, raft)
            acknowledge = server.incoming.installed()
        if acknowledge is not None:
            raft.acknowledge(sender, chunk, acknowledge)

    def _install(self, server: Server, raft: Raft) -> None:
        snapshot = msgspec.json.decode(b"".join(server.parts), type=Snapshot)
        if snapshot.origin.index > server.platter.snapshot.origin.index:
            server.platter.snapshot = snapshot
        index = snapshot.origin.index
        if raft.restore(snapshot.origin):
            server.state = list(snapshot.state)
            self._tell(f"{server.name}  installs the snapshot up to {index}")
        else:
            self._tell(f"{server.name}  has all that the snapshot up to {index} has")

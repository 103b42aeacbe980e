"""The language of the scenario scripts: lines of `> command`, each followed by its trace.

    nodes a b c [timing=local] [seed=1]   start machines with empty logs that name each other voters
    joiner d                              start a machine that knows no voters
    boot a term=3 vote=b log=1,1,2        start it anew with these on disk (terms of its entries)
    advance 350ms | run 350ms             time passes, messages rest | are delivered at once
    tick a, campaign a                    time passes until a wants to act; only a does
    elect a                               campaign a, deliver, tick a, deliver
    deliver | drop                        all messages, and what they cause | lose all messages
    deliver a->b | drop a->b | repeat …   those from a to b; `first` or `last` behind it: only one
    partition a | b c, cut a->b, heal     messages across are lost, from now on
    nosync a, flush a, sync a             writes stay volatile | become durable now | at once again
    crash a, restart a                    what was not durable is lost
    propose a x y, read a, transfer a b   ask a for a decision, a read, a handover
    add a d, remove a b                   ask a to change the voters
    compact a [5]                         snapshot what is applied (up to 5), forget it in the log
    show [a …]                            all that counts about machines
    quietly COMMAND                       the same without a trace

A message is `a -> b` when sent and `a => b` when delivered, with what it caused indented under it.
"""

from collections.abc import Callable, Iterator, Sequence

from lockstep import Letter, Lockstep, Platter, Snapshot

from ringrift.node.consensus.raft.core import Draft
from ringrift.node.consensus.raft.ready import HardState, Origin
from ringrift.node.consensus.raft.timing import TIMINGS, Profile, Timing
from ringrift.node.sim.words import machine_words
from ringrift.wire.log import NO_SESSION, Entry, Voters

PROMPT = "> "

MOST_DELIVERIES = 2_000
"""Machines that talk longer than this without pause would never stop."""

_PROFILES: dict[str, Profile] = {"local": "local", "lan": "lan", "wan": "wan"}


class ScriptError(Exception):
    """A line of a script means nothing."""


def retrace(text: str) -> str:
    """The script with the trace that its commands give now; comments and commands are kept."""
    return "\n".join(_retraced(text.splitlines())) + "\n"


def _retraced(lines: Sequence[str]) -> Iterator[str]:
    script = Script()
    for line in lines:
        if line.startswith(PROMPT):
            yield line
            try:
                yield from script.run(line.removeprefix(PROMPT))
            except (KeyError, ValueError, IndexError) as error:
                raise ScriptError(f"{line} means nothing: {error!r}") from error
        elif line.startswith("#") or not line.strip():
            yield line


class Script:
    """One running script."""

    def __init__(self) -> None:
        self._world = Lockstep(TIMINGS["local"], "1")
        self._voters: Voters = ()
        self._reads = 0
        self._verbs: dict[str, Callable[[Sequence[str]], None]] = {
            "nodes": self._nodes,
            "joiner": lambda words: self._world.add(words[0], _empty(())),
            "boot": self._boot,
            "advance": lambda words: self._world.advance(self._world.now + _seconds(words[0])),
            "run": self._run,
            "tick": self._tick,
            "campaign": self._tick,
            "elect": self._elect,
            "deliver": self._deliver,
            "drop": self._drop,
            "repeat": self._repeat,
            "partition": self._partition,
            "cut": lambda words: self._world.cuts.add(_link(words[0])),
            "heal": lambda _: self._world.cuts.clear(),
            "nosync": lambda words: self._sync_by_itself(words[0], False),
            "flush": lambda words: self._world.flush(words[0]),
            "sync": lambda words: self._sync_by_itself(words[0], True),
            "crash": lambda words: self._world.crash(words[0]),
            "restart": lambda words: self._world.start(words[0]),
            "propose": self._propose,
            "read": self._read,
            "transfer": self._transfer,
            "add": lambda words: self._change(words[0], words[1], add=True),
            "remove": lambda words: self._change(words[0], words[1], add=False),
            "compact": self._compact,
        }

    def run(self, command: str) -> list[str]:
        """Do one command; returns its trace."""
        verb, *words = command.split()
        if verb == "quietly":
            self.run(" ".join(words))
            return []
        if verb == "show":
            return list(self._show(words))
        if verb not in self._verbs:
            raise ValueError(f"{verb} is no command")
        self._verbs[verb](words)
        return self._world.take_trace()

    # Machines.

    def _nodes(self, words: Sequence[str]) -> None:
        names = tuple(word for word in words if "=" not in word)
        options = _options(words)
        timing: Timing = TIMINGS[_PROFILES[options.get("timing", "local")]]
        self._world = Lockstep(timing, options.get("seed", "1"))
        self._voters = names
        for name in names:
            self._world.add(name, _empty(names))

    def _boot(self, words: Sequence[str]) -> None:
        name, options = words[0], _options(words)
        platter = _empty(self._voters)
        platter.hard_state = HardState(int(options.get("term", 0)), options.get("vote"))
        terms = [int(term) for term in options.get("log", "").split(",") if term]
        platter.entries = [
            Entry(place + 1, term, 0, NO_SESSION, 0, b"old") for place, term in enumerate(terms)
        ]
        self._world.add(name, platter)

    def _sync_by_itself(self, name: str, syncs: bool) -> None:
        self._world.servers[name].syncs = syncs
        if syncs:
            self._world.flush(name)

    def _show(self, names: Sequence[str]) -> Iterator[str]:
        for name in names or self._world.servers:
            raft = self._world.servers[name].raft
            yield f"{name}  {'down' if raft is None else machine_words(raft)}"

    # Time and messages.

    def _tick(self, words: Sequence[str]) -> None:
        world, name = self._world, words[0]
        world.now = max(world.now, world.due(name))
        world.tick(name)

    def _elect(self, words: Sequence[str]) -> None:
        for _ in range(2):
            self._tick(words)
            self._deliver(())

    def _run(self, words: Sequence[str]) -> None:
        world = self._world
        end = world.now + _seconds(words[0])
        while world.now < end:
            self._deliver(())
            alive = [name for name, server in world.servers.items() if server.raft is not None]
            world.advance(min([end, *(max(world.now, world.due(name)) for name in alive)]))
        self._deliver(())

    def _chosen(self, words: Sequence[str]) -> list[Letter]:
        """The messages on a link (`a->b`), or the `first` or `last` of them; without one, all."""
        if not words:
            return list(self._world.bag)
        sender, to = _link(words[0])
        letters = [one for one in self._world.bag if (one.sender, one.to) == (sender, to)]
        if words[1:] == ["first"]:
            return letters[:1]
        return letters[-1:] if words[1:] == ["last"] else letters

    def _deliver(self, words: Sequence[str]) -> None:
        if words:
            for letter in self._chosen(words):
                self._world.deliver(letter)
            return
        for _ in range(MOST_DELIVERIES):
            if not self._world.bag:
                return
            self._world.deliver(self._world.bag[0])
        raise AssertionError("the machines do not stop talking")

    def _drop(self, words: Sequence[str]) -> None:
        for letter in self._chosen(words):
            self._world.bag.remove(letter)

    def _repeat(self, words: Sequence[str]) -> None:
        for letter in self._chosen(words):
            self._world.repeat(letter)

    def _partition(self, words: Sequence[str]) -> None:
        sides = [side.split() for side in " ".join(words).split("|")]
        self._world.cuts |= {
            (a, b)
            for one in sides
            for other in sides
            if one is not other
            for a in one
            for b in other
        }

    # Asking a machine.

    def _propose(self, words: Sequence[str]) -> None:
        name, *commands = words
        drafts = [_draft(command) for command in commands]
        self._world.act(name, lambda raft: raft.propose(drafts))

    def _read(self, words: Sequence[str]) -> None:
        self._reads += 1
        token = self._reads
        self._world.act(words[0], lambda raft: raft.read(token))

    def _transfer(self, words: Sequence[str]) -> None:
        name, to = words
        self._world.act(name, lambda raft: raft.hand_over(to, self._world.now))

    def _change(self, name: str, other: str, *, add: bool) -> None:
        world = self._world
        voters = set(world.up(name).tail.voters)
        changed = tuple(sorted(voters | {other} if add else voters - {other}))
        world.act(name, lambda raft: raft.change_voters(changed, _draft(""), world.now))

    def _compact(self, words: Sequence[str]) -> None:
        name, *index = words
        through = int(index[0]) if index else self._world.up(name).tail.applied
        self._world.compact(name, through)


def _empty(voters: Voters) -> Platter:
    origin = Origin(voters=voters)
    return Platter(Snapshot(origin), origin)


def _draft(command: str) -> Draft:
    return Draft(0, NO_SESSION, 0, command.encode())


def _options(words: Sequence[str]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words if "=" in word]
    return {name: value for name, _, value in pairs}


def _link(word: str) -> tuple[str, str]:
    sender, arrow, to = word.partition("->")
    if not arrow:
        raise ValueError(f"{word} is no link; say a->b")
    return sender, to


def _seconds(word: str) -> float:
    if word.endswith("ms"):
        return float(word.removesuffix("ms")) / 1_000
    return float(word.removesuffix("s"))

"""Writes data/format-1, what `test_formats` reads: run it once for a new format, never again."""

import sys
from pathlib import Path

from cluster_support import CONFIG, INCARNATION, Ledger, sha
from msgspec.structs import replace

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.models import Verdict
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.raft.ready import HardState, Ready
from ringrift.node.consensus.storage import Storage, found_empty
from ringrift.node.runtime.disk import RealDisk
from ringrift.wire.log import Entry

SNAPSHOT = 40
ENTRIES = 58


def history() -> list[Entry]:
    """Every table gets rows, a network becomes champion, and the voters are changed."""
    ledger = Ledger.founded()
    voters = Entry(4, 1, 900, 0, 0, c.encode_command(c.ChangeVoters()), ("m", "n", "o"))
    ledger.entries.append(voters)
    ledger.state.apply(voters)
    model = ledger.publish(5)
    ledger.record(model, "random-1", 1, 4, 15)
    ledger.record(model, "heuristic-1", 2, 8, 10)
    verdict = Verdict(decision="promoted", against=None, checks=(), reason="better than random")
    ledger.do(c.Promote(config=CONFIG, model=sha(5), verdict=verdict))
    while len(ledger.entries) < ENTRIES:
        ledger.add()
        ledger.claim()
        ledger.register(len(ledger.entries))
    return [
        replace(entry, term=1 if entry.index <= SNAPSHOT else 2)
        for entry in ledger.entries[:ENTRIES]
    ]


def main(directory: Path) -> None:
    entries = history()
    disk = RealDisk(directory)
    found_empty(disk, INCARNATION, "n")
    storage, _ = Storage.recover(disk, INCARNATION, "n", segment_bytes=4_000)
    storage.write(Ready(1, hard_state=HardState(1, "m"), entries=tuple(entries[:SNAPSHOT])))
    storage.sync()
    state = ClusterState()
    for entry in entries[:SNAPSHOT]:
        state.apply(entry)
    chunks = list(state.snapshot(INCARNATION))
    for number, chunk in enumerate(chunks):
        storage.store(SNAPSHOT, number, chunk, final=number == len(chunks) - 1)
    storage.write(Ready(2, entries=tuple(replace(entry, term=1) for entry in entries[SNAPSHOT:])))
    storage.sync()
    cut = Ready(3, HardState(2, "n"), truncate_after=SNAPSHOT, entries=tuple(entries[SNAPSHOT:]))
    storage.write(cut)
    storage.sync()
    storage.seal()
    for entry in entries[SNAPSHOT:]:
        state.apply(entry)
    print(disk.names(), state.index, state.digest())


if __name__ == "__main__":
    main(Path(sys.argv[1]))

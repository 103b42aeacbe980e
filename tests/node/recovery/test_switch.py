"""A directory changes incarnations at one moment: a crash leaves the old cluster or the new one."""

import random
from pathlib import Path

import pytest
from cluster_support import Ledger, wander
from recovery_site import LATER, NEW, OLD, Town, moments, started
from storage_support import disk_of

from ringrift.node.consensus.log import LogCorruptError
from ringrift.node.consensus.raft.ready import HardState
from ringrift.node.consensus.storage import Storage
from ringrift.node.net import credentials as own
from ringrift.node.net import pki
from ringrift.node.recovery import switch
from ringrift.node.recovery.incarnation import Founder, found_anew, founding_entry
from ringrift.node.recovery.recover import Basis, Settler, found_next
from ringrift.node.recovery.rejoining import follow
from ringrift.node.recovery.survey import survey
from ringrift.node.recovery.untouched import Untouched
from ringrift.node.runtime.disk import Disk, DiskFullError, RealDisk
from ringrift.node.runtime.identity import Identity, read_identity, write_identity
from ringrift.node.runtime.paths import NodePaths
from ringrift.wire.join import Place
from ringrift.wire.rejoin import Rejoin


def test_a_written_log_survives_the_loss_of_all_that_was_not_synced() -> None:
    ledger = Ledger.founded()
    wander(ledger, random.Random(5), 200)
    state, me = ledger.state, Founder("n", "n", None)
    found_anew(state, me, OLD, NEW, "operator recover", 1)
    entry = founding_entry(state, me, 8, 2)

    def write(disk: Disk) -> None:
        switch.write_log(disk, NEW, "n", state, entry)

    whole = disk_of()
    write(whole)
    whole.crash()
    _, found = Storage.recover(whole, NEW, "n")
    assert found.hard_state == HardState(8)
    assert (found.origin.index, found.origin.voters) == (state.index, ("n",))
    assert found.entries == [entry] and found.state.digest() == state.digest()
    tight = disk_of()
    tight.capacity = whole.used // 2
    with pytest.raises(DiskFullError):
        write(tight)


def recovered(paths: NodePaths, new: str) -> Rejoin | None:
    found = survey(paths)
    settler = Settler(paths, found.identity, own.read(paths.tls))
    basis = Basis("operator recover", found.identity.incarnation, found.state, found.term)
    return found_next(basis, settler, (), new, 1_000)


def test_a_recovery_leaves_the_old_or_the_new_cluster_wherever_it_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town(tmp_path)
    paths = town.settle("b")
    old_files = files(paths.log)
    state = town.ledger.state
    with moments(paths, tmp_path / "cut", monkeypatch) as taken:
        rejoin = recovered(paths, NEW)
    assert rejoin is not None and rejoin.voters == {"b": (Place("127.0.0.1", 9_098),)}
    assert (rejoin.old, rejoin.new, rejoin.index) == (OLD, NEW, state.index)
    seen: list[str] = []
    for cut in taken():
        seen.append(went_on(cut, town))
        # What is cut short can be begun again, and the old log is whole in either case.
        if seen[-1] == OLD:
            recovered(cut, LATER)
            assert started(cut)[0].incarnation == LATER
        assert files(switch.log_beside(cut, OLD)) == old_files
    assert seen == sorted(seen), "once new, always new"
    assert {OLD, NEW} == set(seen)
    assert len(seen) > 20
    assert went_on(paths, town) == NEW
    assert not (paths.data / switch.DRAFT).exists()


def went_on(paths: NodePaths, town: Town) -> str:
    """Start in a copy; everything that was decided is there. Returns which cluster it is."""
    identity, state = started(paths)
    assert state is not None and identity.votes and identity.node_id == "b"
    decided = town.ledger.state
    if identity.incarnation == NEW:
        assert state.voters == ("b",) and state.term == 4
        assert identity.boot == 4
    else:
        assert (state.voters, state.index) == (("a", "b", "c"), decided.index)
    assert dict(state.sessions.rows) == dict(decided.sessions.rows)
    assert dict(state.members.rows) == dict(decided.members.rows)
    again = started(paths)
    assert again[0] == identity and again[1] is not None
    assert again[1].digest() == state.digest()
    return identity.incarnation


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize("name", ["c", "plain"])
def test_a_rejoining_leaves_the_old_or_the_new_standing_wherever_it_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    town = Town(tmp_path)
    paths = town.settle(name)
    paths.seeds.write_text('{"a": [["h", 1]]}')
    places = {"b": (Place("127.0.0.1", 9_098),)}
    rejoin = Rejoin(NEW, OLD, 1, 99, pki.pin_of(town.founder.root), places)
    identity = read_identity(paths)
    assert identity is not None
    with moments(paths, tmp_path / "cut", monkeypatch) as taken:
        follow(paths, identity, rejoin)
    seen: list[str] = []
    for cut in taken():
        who, state = started(cut)
        seen.append(who.incarnation)
        if who.incarnation == OLD:
            assert who == identity and (state is not None) == (name == "c")
        else:
            assert not who.votes and not cut.log.exists()
            assert switch.log_beside(cut, OLD).exists() == (name == "c")
            assert cut.seeds.read_bytes() == paths.seeds.read_bytes()
    assert seen == sorted(seen) and set(seen) == {OLD, NEW}


def test_who_goes_back_to_an_incarnation_has_its_promises_again(tmp_path: Path) -> None:
    """A directory that lost its vote file could vote twice."""
    paths = Town(tmp_path).settle("c")
    before = files(paths.log)
    back = read_identity(paths)
    assert back is not None
    switch.become(paths, Identity("c", NEW, 4, votes=False, timing="lan"))
    assert not paths.log.exists()
    switch.become(paths, back)
    assert files(paths.log) == before


def test_a_start_moves_nothing_that_is_in_its_place(tmp_path: Path) -> None:
    paths = Town(tmp_path).settle("c")
    before = {
        p.relative_to(paths.data): p.is_dir() or p.read_bytes() for p in paths.data.rglob("*")
    }
    switch.settle(paths)
    # Not even a log that is somebody else's: the start refuses that in its own words.
    write_identity(paths, Identity("c", NEW, 4, timing="lan"))
    switch.settle(paths)
    with pytest.raises(LogCorruptError, match="is of cluster"):
        started(paths)
    write_identity(paths, Identity("c", OLD, 4, timing="lan"))
    after = {p.relative_to(paths.data): p.is_dir() or p.read_bytes() for p in paths.data.rglob("*")}
    assert after == before
    switch.settle(NodePaths(tmp_path / "nowhere"))


def test_a_damaged_log_is_kept_too(tmp_path: Path) -> None:
    town = Town(tmp_path)
    paths = town.settle("b")
    (paths.log / "vote").unlink()
    state = town.ledger.state
    basis = Basis("operator snapshot restore", OLD, state, 3)
    identity = read_identity(paths)
    assert identity is not None
    found_next(basis, Settler(paths, identity, own.read(paths.tls)), (), NEW, 1)
    assert started(paths)[0].incarnation == NEW
    assert any((paths.data / "log.damaged").iterdir())


def test_an_untouched_directory_is_changed_in_memory_only(tmp_path: Path) -> None:
    disk = RealDisk(tmp_path / "log")
    disk.append("one", b"12345")
    disk.append("two", b"67")
    disk.close()
    lens = Untouched(tmp_path / "log")
    lens.truncate("one", 3)
    lens.append("one", b"x")
    lens.append("new.tmp", b"new")
    lens.rename("new.tmp", "new")
    lens.remove("two")
    lens.fsync("one")
    lens.fsync_dir()
    assert lens.names() == ["new", "one"]
    assert (lens.read("one"), lens.read("one", 1, 2), lens.read("new", 1)) == (
        b"123x",
        b"23",
        b"ew",
    )
    assert files(tmp_path / "log") == {"one": b"12345", "two": b"67"}

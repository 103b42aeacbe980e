"""Who may found, who may follow, and what is told to those who may not; nothing of it changes."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recovery_site import LATER, NEW, NOW, OLD, Town

from ringrift.node.net import credentials as own
from ringrift.node.net import pki
from ringrift.node.net.frames import FrameError, FrameReader, pack
from ringrift.node.recovery.authority import authorize, credentials_by, read_root
from ringrift.node.recovery.backup import facts_of, load, save
from ringrift.node.recovery.incarnation import RecoveryError
from ringrift.node.recovery.rejoining import may_follow
from ringrift.node.recovery.survey import refuse_behind, survey
from ringrift.node.runtime.identity import Identity, write_identity
from ringrift.node.runtime.paths import NodePaths
from ringrift.wire import peer as p
from ringrift.wire.join import Place
from ringrift.wire.raft import TimeoutNow
from ringrift.wire.rejoin import PREFIX, Rejoin, read_rejoin, write_rejoin
from ringrift.wire.word import WordError


def tree(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def word_of(town: Town, term: int, index: int, old: str = OLD) -> Rejoin:
    places = {"b": (Place("h", 1),)}
    return Rejoin(NEW, old, term, index, pki.pin_of(town.founder.root), places)


def test_a_survey_finds_what_is_acknowledged_and_changes_nothing(tmp_path: Path) -> None:
    town = Town(tmp_path)
    paths = town.settle("b")
    log = next(path for path in paths.log.iterdir() if path.suffix == ".log")
    log.write_bytes(log.read_bytes() + b"the beginning of a record that a crash tore")
    before = tree(tmp_path)
    found = survey(paths)
    assert found.state.digest() == town.ledger.state.digest()
    assert (found.term, found.at_ms) == (3, town.ledger.entries[-1].at_ms)
    assert tree(tmp_path) == before


def test_a_log_that_is_behind_another_founds_nothing(tmp_path: Path) -> None:
    town = Town(tmp_path)
    far, near = survey(town.settle("b")), survey(town.settle("c", upto=10))
    refuse_behind(far, [near])
    with pytest.raises(RecoveryError, match=f"{tmp_path / 'b'} reaches further: entry .* recover"):
        refuse_behind(near, [far])
    write_identity(NodePaths(tmp_path / "c"), Identity("c", LATER, 1))
    foreign = far.__class__(far.data, Identity("x", LATER, 1), far.state, 3, None)
    with pytest.raises(RecoveryError, match="cannot be compared"):
        refuse_behind(near, [foreign])
    with pytest.raises(RecoveryError, match="has no vote and keeps no log"):
        survey(town.settle("plain"))
    with pytest.raises(RecoveryError, match="No node lives"):
        survey(NodePaths(tmp_path / "nowhere"))


def test_who_has_more_than_the_new_incarnation_is_asked_first(tmp_path: Path) -> None:
    town = Town(tmp_path)
    paths, index = town.settle("c"), town.ledger.state.index
    assert may_follow(paths, word_of(town, 1, index), losing=False) is not None
    behind = word_of(town, 1, index - 1)
    with pytest.raises(RecoveryError, match=f"reaches further, entry {index} of term 1.*--lose"):
        may_follow(paths, behind, losing=False)
    assert may_follow(paths, behind, losing=True) is not None
    # Whoever slept through two recoveries, or through one that began elsewhere, may follow, too.
    assert may_follow(paths, word_of(town, 1, 2, LATER), losing=False) is not None
    plain = town.settle("plain")
    assert may_follow(plain, behind, losing=False) is not None


def test_a_word_is_for_nodes_of_its_own_cluster(tmp_path: Path) -> None:
    town = Town(tmp_path)
    paths, word = town.settle("c"), word_of(town, 1, 99)
    other, _ = own.found("a", NOW)
    foreign = Rejoin(NEW, OLD, 1, 99, pki.pin_of(other.root), word.voters)
    with pytest.raises(RecoveryError, match="not of the cluster"):
        may_follow(paths, foreign, losing=False)
    with pytest.raises(RecoveryError, match="run it elsewhere"):
        may_follow(town.settle("b"), word, losing=False)
    write_identity(paths, Identity("c", NEW, 5, votes=False))
    assert may_follow(paths, word, losing=False) is None


def test_nothing_of_an_old_voter_is_listened_to() -> None:
    call = p.Consensus(TimeoutNow(99))
    for message in (call, p.Hello("b", 9, "1", 1), p.Alive()):
        assert FrameReader(bytes.fromhex(OLD)).feed(pack(bytes.fromhex(OLD), message)) == [message]
        with pytest.raises(FrameError, match=f"A frame of cluster {OLD}"):
            FrameReader(bytes.fromhex(NEW)).feed(pack(bytes.fromhex(OLD), message))


@given(st.binary(max_size=80), st.integers(0, 200))
def test_a_word_survives_copying_and_no_other_is_one(noise: bytes, cut: int) -> None:
    rejoin = Rejoin(NEW, OLD, 7, 1_000, "0" * 64, {"b-1": (Place("h", 1), Place("::1", 2))})
    word = write_rejoin(rejoin)
    assert read_rejoin(f" {word[:40]}\n {word[40:]}\n") == rejoin
    for wrong in (word[:-1][:cut], PREFIX + base64.urlsafe_b64encode(noise).decode(), "rr1.x"):
        with pytest.raises(WordError):
            read_rejoin(wrong)


def test_a_voter_signs_by_the_root_key_and_nobody_else_does(tmp_path: Path) -> None:
    town = Town(tmp_path)
    pem = pki.pem_of(town.authority.certificate) + pki.key_pem(town.authority.key)
    root, paths = read_root(pem), town.settle("b")
    changed, until = authorize(paths, root, NOW)
    mine = own.read(paths.tls)
    assert changed and mine is not None and mine.signer is not None
    assert until == mine.signer.certificate.not_valid_after_utc
    mine.signer.certificate.verify_directly_issued_by(town.founder.root)
    assert (paths.tls / own.SIGNER_KEY).stat().st_mode & 0o777 == 0o600
    before = tree(paths.data)
    assert authorize(paths, root, NOW) == (False, until)
    assert tree(paths.data) == before
    other, foreign = own.found("x", NOW)
    with pytest.raises(RecoveryError, match="another cluster"):
        authorize(paths, foreign, NOW)
    with pytest.raises(RecoveryError, match="no voter"):
        authorize(town.settle("plain"), root, NOW)
    with pytest.raises(pki.CertificateError, match="do not match"):
        read_root(pki.pem_of(other.root) + pki.key_pem(root.key))
    with pytest.raises(pki.CertificateError, match="cannot be read"):
        read_root(b"nonsense")
    made = credentials_by(root, "new", NOW)
    own.write(tmp_path / "tls", made)
    read = own.read(tmp_path / "tls")
    assert read is not None and read.subject.node == "new"
    read.contexts()


def test_a_snapshot_file_is_whole_or_none(tmp_path: Path) -> None:
    state, file = Town(tmp_path).ledger.state, tmp_path / "state.snap"
    chunks = list(state.snapshot(OLD))
    data = b"".join(len(chunk).to_bytes(4, "big") + chunk for chunk in chunks)
    pieces = [data[at : at + 7] for at in range(0, len(data), 7)]
    saved = save(pieces, file)
    assert (saved.incarnation, saved.state.digest()) == (OLD, state.digest())
    assert facts_of(load(file)) == facts_of(saved)
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(RecoveryError, match="exists already"):
        save(pieces, file)
    for size in (0, 3, 20, len(data) // 2, len(data) - 1):
        with pytest.raises(RecoveryError, match="no whole snapshot"):
            save([data[:size]], tmp_path / "cut")
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    with pytest.raises(RecoveryError, match="no whole snapshot"):
        save([bytes(flipped)], tmp_path / "cut")
    with pytest.raises(RecoveryError, match="no whole snapshot"):
        save([data + b"more"], tmp_path / "cut")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state.snap"]

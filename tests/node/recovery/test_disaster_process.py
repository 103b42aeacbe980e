"""A cluster that loses its quorum, as real processes: it goes on from what is left, all of it.

Its children are the fake ones; everything else is production.
"""

import io
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from ringrift.cli.main import parser
from ringrift.node.runtime.identity import locked
from ringrift.node.runtime.paths import NodePaths, PathError
from ringrift.wire.actions import CreateToken, SetConfigMode
from ringrift.wire.views import StatusView
from tests.node.test_node_process import DEADLINE_S, PROFILE, Site, games

SETTINGS = PROFILE.replace('name = "tester"', 'name = ""') + '[peers]\nlisten = "127.0.0.1"\n'
CONFIG = "hex8_2p"


class Ended(NamedTuple):
    """How a verb ended."""

    returncode: int
    stdout: str
    stderr: str


def called(*arguments: object, typed: str = "") -> Ended:
    """Run a verb in this process: a dozen interpreters would take longer than all the nodes."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.StringIO(typed))
        try:
            parser()([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
    return Ended(code, out.getvalue(), err.getvalue())


def done(*arguments: object) -> str:
    ended = called(*arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.strip()


def refused(*arguments: object, typed: str = "") -> str:
    ended = called(*arguments, typed=typed)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    return ended.stderr.strip()


class Machine(Site):
    """A site whose node can be started and killed, sentinel and all."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        super().__init__(directory)
        self.profile.write_text(SETTINGS)
        self._life = ExitStack()

    @property
    def place(self) -> tuple[object, ...]:
        return ("--data", self.data, "--profile", self.profile)

    def start(self) -> None:
        self._life.enter_context(self.running("ringrift.node.sentinel"))

    def kill(self) -> None:
        self._life.close()
        while self.data.exists():
            # A process that is dead already may hold its files until the last thread is.
            with suppress(PathError), locked(NodePaths(self.data)):
                return
            time.sleep(0.02)

    def operator(self, *arguments: object) -> str:
        return done("operator", *arguments, *self.place)

    def figure(self, loop: str, name: str) -> object:
        status = self.status()
        assert status is not None
        return next(each for each in status.loops if each.name == loop).figures[name]


@contextmanager
def machines(*names: str) -> Iterator[list[Machine]]:
    with tempfile.TemporaryDirectory(prefix="rr-") as directory:
        made = [Machine(Path(directory) / name) for name in names]
        try:
            yield made
        finally:
            for each in made:
                each.kill()
                each.client.close()


def join(member: Machine, by: Machine, role: str, name: str) -> None:
    token = by.client.act(CreateToken(role=role, lifetime_s=600)).token  # type: ignore[arg-type]
    done("join", token, "--name", name, *member.place)
    member.start()


def all_until(here: list[Machine], holds: Callable[[list[StatusView]], bool]) -> list[StatusView]:
    deadline = time.monotonic() + DEADLINE_S
    told: list[StatusView | None] = []
    while time.monotonic() < deadline:
        told = [each.status() for each in here]
        known = [status for status in told if status is not None]
        if len(known) == len(here) and holds(known):
            return known
        time.sleep(0.05)
    raise AssertionError(f"it never held; last was {[_short(status) for status in told]}")


def _short(status: StatusView | None) -> object:
    if status is None:
        return None
    loops = [(each.name, each.state, each.reason) for each in status.loops]
    return status.node_id, status.leader_id, status.voters, status.applied_index, loops


def stands_still(told: list[StatusView]) -> bool:
    return (
        len({(s.applied_index, s.state_digest) for s in told}) == 1
        and told[0].work_counts["claimed"] == 0
    )


def test_the_last_voter_goes_on_with_every_game_and_the_others_follow() -> None:
    with machines(*"123456") as (first, second, third, plain, new, away):
        root = first.profile.parent / "root.pem"
        done("init", *first.place, "--name", "first", "--timing", "local", "--root", root)
        first.start()
        first.until(lambda s: s.leader_id == s.node_id)
        join(second, first, "voter", "second")
        join(third, first, "voter", "third")
        join(plain, first, "node", "plain")
        everybody = [first, second, third, plain]
        all_until(everybody, lambda t: all(len(s.voters) == 3 and games(s) > 0 for s in t))
        first.client.act(SetConfigMode(config=CONFIG, mode="paused"))
        before = all_until(everybody, stands_still)[0]
        old = before.cluster
        file = first.profile.parent / "state.snap"
        plain.operator("snapshot", "save", file)
        assert oct(file.stat().st_mode & 0o777) == "0o600"
        facts = json.loads(done("operator", "snapshot", "inspect", file, "--json"))
        assert facts["incarnation"] == old and facts["voters"] == list(before.voters)
        assert facts["index"] >= before.applied_index
        elsewhere = httpx.get(f"http://127.0.0.1:{8770 + plain.offset}/snapshot")
        assert elsewhere.status_code == 404

        # One is destroyed, one is cut off: it lives, and will be back. The third is stopped.
        assert "lives in" in refused("operator", "recover", *third.place)
        first.kill()
        second.kill()
        # Its files are somewhere else, too: without the weights of the generator nobody could play.
        for gone in (first, second):
            # A voter that never held a file has no folder of them.
            if (files := gone.data / "blobs").exists():
                shutil.copytree(files, third.data / "blobs", dirs_exist_ok=True)
        shutil.rmtree(first.data)
        third.kill()
        assert "Nothing was changed" in refused("operator", "recover", *third.place, typed="no\n")
        assert "No node lives" in refused("operator", "recover", *first.place)
        said = third.operator("recover", "--confirm", old[:8])
        assert "May be lost: what first-" in said
        word = re.search(r"ringrift operator rejoin (\S+)$", said)
        assert word is not None
        third.operator("authority", "--root", root)
        assert "nothing changed" in third.operator("authority", "--root", root)
        third.start()
        alone = third.until(lambda s: s.leader_id == s.node_id)
        assert alone.voters == (alone.node_id,) and alone.cluster != old
        assert alone.term > before.term
        assert games(alone) == games(before)

        # The old voter is back with its old directory, and so is the plain node: nothing changes.
        second.start()
        second.until(lambda s: s.cluster == old)
        third.until(lambda _: third.figure("peers", "refused") > 2)  # type: ignore[operator]
        still = third.until(lambda s: s.uptime_s > alone.uptime_s)
        assert (still.term, still.voters) == (alone.term, alone.voters)
        outside = second.status()
        assert outside is not None and outside.leader_id != outside.node_id
        assert still.node_id not in {outside.leader_id, plain.until(lambda _: True).leader_id}

        # Those who rejoin are back, and the voter has its vote again.
        assert "lives in" in refused("operator", "rejoin", word[1], *plain.place)
        for each in (second, plain):
            each.kill()
            each.operator("rejoin", word[1], "--confirm", old[:8])
            assert "already" in each.operator("rejoin", word[1], "--confirm", old[:8])
            each.start()
        here = [third, second, plain]
        all_until(here, lambda t: {s.voters for s in t} == {tuple(sorted(v_ids(t)))})
        third.client.act(SetConfigMode(config=CONFIG, mode="active"))
        after = all_until(here, lambda t: all(games(s) > games(before) for s in t))
        assert {s.cluster for s in after} == {alone.cluster}
        all_until([third], lambda t: all(n.items > 0 or "first" in n.name for n in t[0].nodes))

        # By the root key, the voter that is left lets others in.
        token = done("token", "create", "--role", "node", *third.place)
        done("join", token, "--name", "new", *new.place)

        # And from the snapshot, anybody with that key has the cluster again.
        restore = ("operator", "snapshot", "restore", file, "--confirm", old[:8], *away.place)
        assert "--root" in refused(*restore)
        assert "--at" in refused(*restore, "--root", root)
        at = f"127.0.0.1:{8775 + away.offset}"
        done(*restore, "--root", root, "--name", "away", "--at", at)
        away.start()
        told = away.until(lambda s: s.leader_id == s.node_id)
        assert (told.voters, told.name, games(told)) == ((told.node_id,), "away", games(before))
        assert told.cluster not in {old, alone.cluster}


def v_ids(told: list[StatusView]) -> set[str]:
    """The two voters of the three that were told of."""
    return {status.node_id for status in told[:2]}

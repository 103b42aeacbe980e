"""Compiled, bounds-checked and plain-Python kernels agree, and stale caches cannot be read."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from engine_support import kernel_digest, random_game

from ringrift.engine import jit, kernels, players
from ringrift.engine.config import CONFIGS
from ringrift.engine.rules import tables_for

GAMES, STEPS = 40, 150
SUPPORT = Path(__file__).parent / "engine_support.py"


@pytest.mark.parametrize("switch", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def test_kernels_agree_with_themselves(switch: str, tmp_path: Path) -> None:
    # A cache folder of its own: compiled code does not remember whether it checks bounds.
    environment = os.environ | {switch: "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-W", "error", str(SUPPORT), str(GAMES), str(STEPS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == kernel_digest(GAMES, STEPS)


def test_every_config_runs_the_same_compiled_code() -> None:
    for config in CONFIGS:
        t = tables_for(config)
        for step, _ in enumerate(random_game(t, 1)):
            if step > 20:
                break
    for entry in (kernels.legal_moves, kernels.apply_move):
        assert len(entry.signatures) == 1  # pyright: ignore


def test_digest_follows_names_and_contents(tmp_path: Path) -> None:
    def digest(name: str, text: str) -> str:
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        (folder / name).write_text(text)
        return jit.sources_digest(folder)

    same = digest("a.py", "x = 1")
    assert digest("a.py", "x = 1") == same
    assert len({same, digest("a.py", "x = 2"), digest("b.py", "x = 1")}) == 3


def test_no_kernel_imports_the_sources_left_out_of_the_digest() -> None:
    left_out = {f"ringrift.engine.{name.removesuffix('.py')}" for name in jit.NOT_COMPILED}
    left_out.discard("ringrift.engine.errors")  # raised outside kernels only
    for path in jit.ENGINE_FOLDER.rglob("*.py"):
        if path.relative_to(jit.ENGINE_FOLDER).parts[0] in jit.NOT_COMPILED:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith(tuple(left_out)), path


def test_only_one_file_imports_numba() -> None:
    package = jit.ENGINE_FOLDER.parent
    importers = {
        path.name
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Import) and any(a.name.startswith("numba") for a in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("numba"))
    }
    assert importers == {"jit.py"}


def test_importing_players_names_their_versions() -> None:
    assert players.RANDOM_NAME == "random-1"
    assert players.HEURISTIC_NAME == "heuristic-1"
    assert (players.TURN_NAME, players.REPLY_NAME) == ("heuristic-2", "heuristic-3")

"""The layer rule of docs/architecture.md holds, and its watchman barks at a planted violation."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PLANTED = [
    ("engine/planted.py", "import ringrift.wire", "engine imports nothing of ours"),
    ("wire/planted.py", "import ringrift.engine.config", "wire imports nothing of ours"),
    ("train/planted.py", "import ringrift.node", "train imports engine and wire only"),
    ("play/planted.py", "import ringrift.train", "play imports engine only"),
    ("tui/planted.py", "import ringrift.node", "tui imports client and wire only"),
    ("node/cluster/planted.py", "import trio", "cluster knows nothing of control, drivers"),
    ("node/consensus/raft/planted.py", "import trio", "Raft and the host are pure"),
    ("node/net/planted.py", "import ringrift.node.sim", "production knows nothing"),
    ("node/planted.py", "import torch", "the node's process computes nothing"),
]


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).with_name("lint-imports")
    env = {**os.environ, "PYTHONPATH": str(root), "NO_COLOR": "1", "COLUMNS": "200"}
    return subprocess.run(
        [tool, "--no-cache"], cwd=root, env=env, capture_output=True, text=True, check=False
    )


def test_the_house_obeys_the_layer_rule() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


def test_every_planted_violation_is_named(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "ringrift", tmp_path / "ringrift", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, line, _ in PLANTED:
        (tmp_path / "ringrift" / name).write_text(line + "\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout
    broken = {
        line.removesuffix("BROKEN").strip()
        for line in done.stdout.splitlines()
        if line.endswith("BROKEN")
    }
    for _, _, contract in PLANTED:
        assert any(name.startswith(contract) for name in broken), (contract, done.stdout)


@pytest.mark.parametrize("module", ["ringrift.cli.main", "ringrift.node.app"])
def test_no_heavy_import(module: str) -> None:
    heavy = ["torch", "numba"] + (["textual", "numpy"] if "cli" in module else [])
    code = f"import sys, {module}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""What the node imports of `train` decides and never computes: no torch, no numba."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "artifacts",
        "blocks",
        "identity",
        "promotion",
        "rating",
        "records",
        "results",
        "sequential",
        "velocity",
    ],
)
def test_decisions_are_imported_without_torch_and_numba(module: str):
    code = (
        f"import sys, ringrift.train.{module}; "
        "print([name for name in ('torch', 'numba') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"

"""torch and the device that it computes on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ringrift.doctor.check import Finding, failed, ok
from ringrift.doctor.child import ChildError, tell

FAMILY = "torch"
TIMEOUT_S = 120.0
TOLERANCE = 1e-3

# A convolution like the network's, against the same sum written out.
SCRIPT = """
import json, torch
torch.set_num_threads(1)
device = "cuda" if torch.cuda.is_available() else "cpu"
x = torch.linspace(-1, 1, 2 * 3 * 9 * 9, device=device).reshape(2, 3, 9, 9)
w = torch.linspace(-1, 1, 4 * 3 * 3 * 3, device=device).reshape(4, 3, 3, 3)
got = torch.nn.functional.conv2d(x, w)
want = torch.einsum("bcijkl,ockl->boij", x.unfold(2, 3, 1).unfold(3, 3, 1), w)
name = torch.cuda.get_device_name() if device == "cuda" else "cpu"
print(json.dumps({"version": torch.__version__, "device": name,
                  "error": float((got - want).abs().max())}))
"""


def _try() -> dict[str, Any]:
    return tell(SCRIPT, timeout_s=TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class TorchComputes:
    """torch loads, and a convolution on its device is right."""

    attempt: Callable[[], dict[str, Any]] = _try
    family: str = FAMILY
    name: str = "computes"

    def look(self) -> Finding:
        fix = (
            "install the pinned torch again: pip install -c constraints.txt --force-reinstall torch"
        )
        try:
            told = self.attempt()
        except ChildError as error:
            return failed("torch does not run", cause=str(error), fix=fix)
        value = f"torch {told['version']} on {told['device']}"
        if not told["error"] <= TOLERANCE:
            cause = f"a convolution is wrong by {told['error']:.2g}"
            return failed(value, cause=cause, fix=fix)
        return ok(value)

"""The one door to numba.

numba's own cache looks only at the file of the compiled function: when a callee in another file
changes, the caller's cached code is silently stale. Every cache folder is therefore named after a
digest of all the sources that a kernel can call: the engine's, and those beside the kernel itself.
"""

import hashlib
import inspect
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

ENGINE_FOLDER = Path(__file__).parent

# Plain Python that no kernel imports: editing it must not throw compiled kernels away.
NOT_COMPILED = frozenset({"errors.py", "game.py", "text", "verify.py"})

# Row slots are int16, and int() keeps them so in compiled code: every kernel called with one would
# be compiled a second time. In plain Python it keeps arithmetic on them from overflowing.
int64 = cast(Callable[[Any], int], np.int64)

P = ParamSpec("P")
R = TypeVar("R")


def cache_root() -> Path:
    """The folder under which every digest has its own cache folder."""
    return Path.home() / ".cache" / "ringrift" / "numba"


@cache
def sources_digest(*folders: Path) -> str:
    """SHA-256 over names and bytes of the Python sources in `folders`, as 64 hex digits."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            inside = path.relative_to(folder)
            if folder == ENGINE_FOLDER and inside.parts[0] in NOT_COMPILED:
                continue
            digest.update(inside.as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


_CHOSEN_BY_USER = "NUMBA_CACHE_DIR" in os.environ
if not _CHOSEN_BY_USER:
    os.environ["NUMBA_CACHE_DIR"] = str(cache_root() / sources_digest(ENGINE_FOLDER))

import numba  # noqa: E402, TID251
from numba.core import config as numba_config  # noqa: E402, TID251


def compiled_before() -> bool:
    """Whether kernels of these sources, or any into a folder of the user, were compiled before."""
    return Path(os.environ["NUMBA_CACHE_DIR"]).is_dir()


def _cache_folder(function: Callable[..., Any]) -> str:
    source = Path(inspect.getfile(function)).parent
    if source.is_relative_to(ENGINE_FOLDER):
        return str(cache_root() / sources_digest(ENGINE_FOLDER))
    return str(cache_root() / sources_digest(ENGINE_FOLDER, source))


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` on first call: machine code, without the GIL, cached on disk.

    A user's own NUMBA_CACHE_DIR wins over the digest-named folder.
    """
    if not _CHOSEN_BY_USER:
        cast(Any, numba_config).CACHE_DIR = _cache_folder(function)
    return cast(Callable[P, R], cast(Any, numba).njit(cache=True, nogil=True)(function))

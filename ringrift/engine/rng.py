"""splitmix64, a small seeded generator that kernels can carry in a one-element uint64 array.

Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014); constants of
the public-domain reference implementation. Every constant is wrapped in uint64: mixed with plain
ints the shifts would become arithmetic ones.
"""

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.jit import kernel

Rng = NDArray[np.uint64]

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30 = np.uint64(30)
_S27 = np.uint64(27)
_S31 = np.uint64(31)
_S11 = np.uint64(11)


def seed_rng(seed: int) -> Rng:
    """A generator whose whole future follows from `seed` (any int; taken modulo 2**64)."""
    return np.array([seed & 0xFFFF_FFFF_FFFF_FFFF], dtype=np.uint64)


@kernel
def next_u64(rng: Rng) -> np.uint64:
    """The next 64 random bits."""
    rng[0] += _GAMMA
    z = rng[0]
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@kernel
def uniform(rng: Rng) -> float:
    """Uniform in [0, 1), 53 bits."""
    return float(next_u64(rng) >> _S11) * (1.0 / 9007199254740992.0)


@kernel
def below(rng: Rng, n: int) -> int:
    """Uniform integer in 0..n-1 for n >= 1 (bias below n / 2**53)."""
    return int(uniform(rng) * n)

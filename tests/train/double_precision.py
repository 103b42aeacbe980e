"""`ringrift.train.together` in float64: what differs between teams is then no rounding.

In float32 a maximum or a relu that rounding decides makes steps of its own.
"""

import sys

from torch import Tensor, nn

import ringrift.train.fit as fitting
from ringrift.train.together import main

load = fitting.load_weights


def double_planes(_module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(planes.double() for planes in given)


def load_double(*arguments):
    info, network = load(*arguments)
    network.register_forward_pre_hook(double_planes)
    return info, network.double()


if __name__ == "__main__":
    fitting.load_weights = load_double
    sys.exit(main())

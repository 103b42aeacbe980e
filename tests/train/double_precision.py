"""`ringrift.train.together` in float64: what differs between teams is then no rounding.

In float32 a maximum or a relu that rounding decides makes steps of its own.
"""

import dataclasses
import sys

from torch import nn

import ringrift.train.fit as fitting
import ringrift.train.learner as learning
from ringrift.train.batches import Batch
from ringrift.train.losses import Outputs, outputs_of
from ringrift.train.together import main

load = fitting.load_weights


def load_double(*arguments):
    info, network = load(*arguments)
    return info, network.double()


def double_outputs(network: nn.Module, batch: Batch) -> Outputs:
    return outputs_of(network, dataclasses.replace(batch, planes=batch.planes.double()))


if __name__ == "__main__":
    fitting.load_weights = load_double
    learning.outputs_of = double_outputs
    sys.exit(main())

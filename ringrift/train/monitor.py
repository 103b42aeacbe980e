"""Whether training goes wrong: losses that are no numbers, or that leap and stay up."""

import math
from dataclasses import dataclass

# A loss this many standard deviations above the running mean is a spike (SYSTEM 2.6, first tier).
SPIKE_DEVIATIONS = 5.0
# As many spikes in a row end the fit (SYSTEM 2.6, middle tier).
SEVERE_SPIKES = 3
_MEMORY_STEPS = 100
_FIRST_STEPS = 50
_LEAST_DEVIATION = 0.01  # of the mean: a loss that hardly varies must not make spikes of nothing


@dataclass(slots=True)
class LossMonitor:
    """Running mean and variance of the loss over about the last 100 steps, spikes left out."""

    mean: float = 0.0
    variance: float = 0.0
    steps: int = 0
    spikes: int = 0

    def trouble(self, loss: float) -> str | None:
        """Take in the loss of the next step; what is wrong with it, None while all is well."""
        if not math.isfinite(loss):
            return "the loss is not finite"
        bound = self._bound()
        if self.steps >= _FIRST_STEPS and loss > bound:
            self.spikes += 1
            if self.spikes >= SEVERE_SPIKES:
                return f"the loss {loss:.3f} is above {bound:.3f} for {self.spikes} steps in a row"
            return None
        self.spikes = 0
        share = max(1 / (self.steps + 1), 1 / _MEMORY_STEPS)
        apart = loss - self.mean
        self.mean += share * apart
        self.variance = (1 - share) * (self.variance + share * apart * apart)
        self.steps += 1
        return None

    def _bound(self) -> float:
        deviation = max(math.sqrt(self.variance), _LEAST_DEVIATION * abs(self.mean))
        return self.mean + SPIKE_DEVIATIONS * deviation

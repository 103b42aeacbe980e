"""A machine's own clock: it runs too fast or too slow, jumps ahead, but never goes back."""


class DriftingClock:
    """Local seconds as a function of virtual time: since (`_true`, `_local`) at `rate`."""

    def __init__(self, local: float) -> None:
        self._true, self._local, self._rate = 0.0, local, 1.0

    def now(self, true: float) -> float:
        """Local time at a virtual time."""
        return self._local + (true - self._true) * self._rate

    def when(self, local: float, true: float) -> float:
        """The virtual time, from `true` on, at which this clock shows `local`."""
        return max(true, self._true + (local - self._local) / self._rate)

    def skew(self, rate: float, true: float) -> None:
        """Run at another rate (1.0: right) from now on."""
        self._local, self._true, self._rate = self.now(true), true, rate

    def jump(self, seconds: float, true: float) -> None:
        """Be ahead by some seconds from now on."""
        assert seconds >= 0.0
        self._local, self._true = self.now(true) + seconds, true

"""Has the leader know, now and then, that this node works on its claims."""

from collections.abc import Awaitable, Callable

from ringrift.node.consensus.replica import NotLeaderError, OutcomeUnknownError
from ringrift.node.control.leases import ClaimKey
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.loop import Body, Pulse
from ringrift.node.worker.worker import Worker

RETRY_S = 1.0


def renewing(
    worker: Worker,
    renew: Callable[[tuple[ClaimKey, ...]], Awaitable[tuple[ClaimKey, ...]]],
    clock: Clock,
    ttl_s: float,
) -> Body:
    """The loop that renews, three times in `ttl_s`; children hand in when no leader hears of it.

    The time that counts is when it was said, not when it was answered: what the leader has heard is
    no younger.
    """

    async def body(pulse: Pulse) -> None:
        heard_at = clock.now()
        while True:
            said_at, claims = clock.now(), worker.claims()
            try:
                stale = await renew(claims)
            except (NotLeaderError, OutcomeUnknownError) as error:
                if claims and clock.now() - heard_at > ttl_s:
                    worker.hand_in(f"no leader has heard of this claim for {ttl_s:g} s")
                pulse.ran({"claims": len(claims)}, str(error), well=not claims)
                await clock.sleep(RETRY_S)
                continue
            heard_at = said_at
            pulse.ran({"claims": len(claims), "lost": len(stale)})
            await clock.sleep(ttl_s / 3)

    return body

"""A voter's process as production runs it: the trio driver `Voter`, on virtual disk and network."""

import random
from collections.abc import Callable
from typing import TypeVar, cast

import trio

from ringrift.node.cluster.commands import decode_command
from ringrift.node.consensus.host import Host, Step
from ringrift.node.consensus.raft.core import ChangeRefusedError, Draft
from ringrift.node.consensus.replica import (
    NotLeaderError,
    OutcomeUnknownError,
    ReplicaStoppedError,
)
from ringrift.node.consensus.storage import Recovered, Storage
from ringrift.node.consensus.voter import Limits, Voter
from ringrift.node.sim.asks import Ask, Change, HandOver, Propose, Read, Renew, Told, Wish
from ringrift.node.sim.checkers.violation import Violation, first_of, unexpected
from ringrift.node.sim.desk import Reply
from ringrift.node.sim.disk import HeldDisk
from ringrift.node.sim.machine import Machine
from ringrift.node.sim.process import FASTEST_SYNC_S, SLOWEST_SYNC_S
from ringrift.node.sim.reporter import Reporter
from ringrift.node.sim.steward import Steward
from ringrift.wire.raft import RaftMessage

T = TypeVar("T")


class MachineClock:
    """A machine's drifting clock on trio's virtual time."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def now(self) -> float:
        return self._machine.now()

    def wall_ms(self) -> int:
        return int(self._machine.world.agenda.now * 1000)

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(self._true(seconds))

    def at_most(self, seconds: float) -> trio.CancelScope:
        return trio.move_on_after(self._true(seconds))

    def _true(self, seconds: float) -> float:
        now = self._machine.world.agenda.now
        # Rounding may put a deadline just before itself: let time pass, or it never would.
        return max(self._machine.clock.when(self.now() + seconds, now) - now, 1e-6)


class Driven:
    """One life, until `end`; its tasks run in a nursery of the run's."""

    def __init__(
        self,
        nursery: trio.Nursery,
        machine: Machine,
        disk: HeldDisk,
        storage: Storage,
        found: Recovered,
        /,
    ) -> None:
        self.name = machine.name
        self._nursery, self._machine, self._world, self._disk = (
            nursery,
            machine,
            machine.world,
            disk,
        )
        self._life = machine.life
        self._disk_was_full = False
        self._scope = trio.CancelScope()
        world, clock = machine.world, MachineClock(machine)
        rng = random.Random(machine.rng.getrandbits(64))
        self.host = Host.recovered(
            machine.name, found, world.incarnation, world.timing, machine.upkeep, rng, clock.now()
        )
        self._steward = Steward(machine.name, machine.life, self.host, self, world.observer)
        self._reporter = Reporter(machine, self.host, self._steward.leads)
        self._step = self.host.step
        # The driver asks its host for steps; whoever watches looks at each of them on its way.
        self.host.step = self._watched_step
        limits = Limits(upkeep=machine.upkeep)
        # The reporter tells of all that a voter complains about.
        self.voter = Voter(
            self.host,
            storage,
            clock,
            self._in_time,
            self,
            world.timing,
            limits,
            warn=_unheard,
        )

    def start(self) -> None:
        """Begin to take part."""
        self._nursery.start_soon(self._live)
        self._world.agenda.after(self._steward.every_s, self._control)

    def receive(self, sender: str, message: object) -> None:
        """Take a message of another machine, or of a client."""
        match message:
            case Ask():
                self._nursery.start_soon(self._serve, sender, message)
            case Renew(claims=claims):
                self._steward.renew(sender, claims, self._machine.now())
            case _:
                self.voter.deliver(sender, cast(RaftMessage, message))

    def end(self) -> None:
        """Be no more: nothing that is under way reaches the disk or the network."""
        self._disk.let_go()
        self._scope.cancel()

    @property
    def ended(self) -> bool:
        return self._machine.process is not self

    # What the driver is handed.

    def send(self, to: str, message: RaftMessage) -> None:
        """Carry a message: the `Transport` of this voter."""
        if not self.ended:
            self._world.network.send(self.name, to, message)

    async def _in_time(self, function: Callable[[], T], /) -> T:
        """Do something with the disk: the `Blocking` of this voter, which takes some time."""
        machine = self._machine
        took = machine.rng.uniform(FASTEST_SYNC_S, SLOWEST_SYNC_S) * machine.slowness
        await trio.sleep(took / 2)
        starved_s = machine.starved_until - self._world.agenda.now
        if starved_s > 0.0:
            await trio.sleep(starved_s)
        if not self.ended:
            self._disk.before_sync, machine.at_next_write = machine.at_next_write, None
        done = function()
        self._note_room(found=done is not None)
        await trio.sleep(took / 2)
        return done

    def _note_room(self, *, found: bool) -> None:
        """Count the times at which the disk has room again, after it had none."""
        if not found and not self._disk_was_full:
            self._world.trace.event(self.name, "finds its disk full")
        if found and self._disk_was_full and not self.ended:
            self._world.observer.tally.full_disk_recoveries += 1
            self._world.trace.event(self.name, "writes again, for its disk has room")
        self._disk_was_full = not found

    # Its tasks.

    async def _live(self) -> None:
        with self._scope:
            try:
                await self.voter.run()
            except* OSError:
                if not self.ended:
                    self._machine.fail()
            except* Violation:
                raise
            except* Exception as errors:  # noqa: BLE001 - whatever ends a node is a finding
                error = first_of(errors)
                raise unexpected(error, self.name, self._world.agenda.now) from error

    def _watched_step(self, now: float) -> Step | None:
        if self.ended:
            return self._step(now)
        self._reporter.watch()
        step = self._step(now)
        self._reporter.watch()
        if step is not None:
            self._reporter.saw(step)
            self._reporter.carried_out(step)
        return step

    def _control(self) -> None:
        if not self.ended:
            self._world.agenda.after(self._steward.every_s, self._control)
            self._steward.act(self._machine.now(), int(self._world.agenda.now * 1000))

    async def _serve(self, client: str, ask: Ask) -> None:
        told = await self._answer_to(ask.op, ask.wish)
        if not self.ended:
            self._world.network.send(self.name, client, told)

    def propose(self, draft: Draft, op: int, reply: Reply) -> None:
        """Propose a command of the steward's; `reply` is told what becomes of it."""

        async def ask() -> None:
            told = await self._answer_to(op, Propose(draft.session, draft.seq, draft.command))
            if not self.ended:
                reply(told)

        self._nursery.start_soon(ask)

    async def _answer_to(self, op: int, wish: Wish) -> Told:
        try:
            match wish:
                case Propose():
                    command = decode_command(wish.command)
                    done = await self.voter.propose(wish.session, wish.seq, command)
                    return Told(op, self._life, "done", done.index, done.result)
                case Change():
                    done = await self.voter.change_voters(wish.voters)
                    return Told(op, self._life, "done", done.index, done.result)
                case Read():
                    await self.voter.read_barrier()
                    return Told(op, self._life, "done", self.voter.applied_index)
                case HandOver():
                    others = [name for name in self.voter.voters if name != self.name]
                    if others:
                        await self.voter.hand_over(others[int(wish.choice * len(others))])
                    return Told(op, self._life, "done")
        except NotLeaderError as error:
            return Told(op, self._life, "elsewhere", leader=error.leader_id)
        except ChangeRefusedError:
            return Told(op, self._life, "refused")
        except (OutcomeUnknownError, ReplicaStoppedError):
            return Told(op, self._life, "unknown")


def _unheard(_: str) -> None:
    pass

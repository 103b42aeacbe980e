"""Where a voter takes the wishes of clients, and answers them when the host knows."""

from collections.abc import Callable

from msgspec.structs import replace

from ringrift.node.consensus.host import Answer, Barrier, Decided, Host
from ringrift.node.consensus.raft.core import ChangeRefusedError, Draft, NotLeadingError
from ringrift.node.sim.asks import Ask, Change, HandOver, Propose, Read, Told
from ringrift.node.sim.network import Network
from ringrift.node.sim.trace import Trace
from ringrift.wire.log import NO_SESSION

Reply = Callable[[Told], None]


class Desk:
    """The wishes that one life of a voter has taken and not yet answered."""

    def __init__(self, name: str, life: int, host: Host, network: Network, trace: Trace) -> None:
        self._name, self._life, self._host = name, life, host
        self._network, self._trace = network, trace
        self._asked: dict[int, tuple[int, Reply]] = {}
        self._tokens = 0

    def serve(self, client: str, ask: Ask, now: float, wall_ms: int) -> None:
        """Take a wish; its answer goes to the client over the network."""

        def reply(told: Told) -> None:
            self._network.send(self._name, client, told)

        op, wish = ask.op, ask.wish
        try:
            match wish:
                case Propose():
                    draft = Draft(wall_ms, wish.session, wish.seq, wish.command)
                    self.propose(draft, op, reply)
                case Read():
                    self._host.raft.read(self._token(op, reply))
                case Change():
                    draft = Draft(wall_ms, NO_SESSION, 0, wish.command)
                    self._host.change_voters(self._token(op, reply), wish.voters, draft, now)
                case HandOver():
                    self._hand_over(wish, now)
                    reply(Told(op, self._life, "done"))
        except NotLeadingError:
            reply(Told(op, self._life, "elsewhere", leader=self._host.raft.leader))
        except ChangeRefusedError as refusal:
            if self._trace.verbose:
                self._trace.line(self._name, f"refuses wish {op} of {client}: {refusal}")
            reply(Told(op, self._life, "refused"))

    def propose(self, draft: Draft, op: int, reply: Reply) -> None:
        """Propose a command; `reply` is told what becomes of it. Raises NotLeadingError."""
        if self._host.raft.room < 1:
            raise NotLeadingError
        self._host.propose([(self._token(op, reply), draft)])

    def answer(self, answer: Answer) -> None:
        """Tell whoever asked for it."""
        op, reply = self._asked.pop(answer.token)
        told = Told(op, self._life, "unknown")
        match answer:
            case Decided():
                told = replace(told, how="done", index=answer.index, result=answer.result)
            case Barrier(index=int()):
                # What the client reads is the state of now, which holds that and may hold more.
                told = replace(told, how="done", index=self._host.state.index)
            case _:
                pass
        reply(told)

    def _hand_over(self, wish: HandOver, now: float) -> None:
        raft = self._host.raft
        others = [voter for voter in raft.tail.voters if voter != self._name]
        if others:
            raft.hand_over(others[int(wish.choice * len(others))], now)

    def _token(self, op: int, reply: Reply) -> int:
        self._tokens += 1
        self._asked[self._tokens] = (op, reply)
        return self._tokens

"""A node that answers from the cockpit's fixture without a socket, for Textual's tests."""

import asyncio
from collections.abc import AsyncIterator

import cockpit
import msgspec

from ringrift.client import ClientError
from ringrift.wire.actions import (
    ActionReply,
    ActionRequest,
    CancelWork,
    RestartNode,
    SetConfigMode,
    SetNodeMode,
    TransferLeadership,
)
from ringrift.wire.views import EventView, ModelsView, StatusView


class FakeSource:
    """Does what is asked of it at once; `problem` makes it silent."""

    def __init__(self) -> None:
        self.now = cockpit.STATUS
        self.networks = cockpit.MODELS
        self.recorded = cockpit.EVENTS
        self.asked: list[ActionRequest] = []
        self.problem: ClientError | None = None
        self.fresh: asyncio.Queue[EventView] = asyncio.Queue()

    async def status(self) -> StatusView:
        self._answer()
        return self.now

    async def models(self) -> ModelsView:
        self._answer()
        return self.networks

    async def recent_events(
        self, limit: int = 100, after: int | None = None
    ) -> tuple[EventView, ...]:
        self._answer()
        return tuple(e for e in self.recorded if after is None or e.seq > after)[-limit:]

    async def events(self) -> AsyncIterator[EventView]:
        while True:
            yield await self.fresh.get()

    async def act(self, request: ActionRequest) -> ActionReply:
        self._answer()
        self.asked.append(request)
        change = msgspec.structs.replace
        match request:
            case SetNodeMode():
                nodes = tuple(
                    change(n, mode=request.mode) if n.id == request.node else n
                    for n in self.now.nodes
                )
                self.now = change(self.now, nodes=nodes)
                text = f"node {request.node} shall be {request.mode}"
            case RestartNode():
                self.now = change(self.now, pid=self.now.pid + 1, uptime_s=1.0)
                text = f"node {request.node} restarts"
            case SetConfigMode():
                configs = tuple(
                    change(c, mode=request.mode) if c.name == request.config else c
                    for c in self.now.configs
                )
                self.now = change(self.now, configs=configs)
                text = f"{request.config} shall be {request.mode}"
            case CancelWork():
                work = tuple(w for w in self.now.work if w.id != request.item)
                self.now = change(self.now, work=work)
                text = f"work item {request.item} cancelled"
            case TransferLeadership():
                heir = request.to or self.now.voters[-1]
                self.now = change(self.now, leader_id=heir, term=self.now.term + 1)
                text = f"the leader hands over to {request.to}"
            case _:
                text = "done as asked"
        return ActionReply(index=1900, text=text)

    def _answer(self) -> None:
        if self.problem is not None:
            raise self.problem

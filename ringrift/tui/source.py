"""What the cockpit needs of a node; `ringrift.client.AsyncClient` provides it, tests fake it."""

from collections.abc import AsyncIterator
from typing import Protocol

from ringrift.wire.actions import ActionReply, ActionRequest
from ringrift.wire.views import EventView, ModelsView, StatusView


class Source(Protocol):
    """A node as seen by an operator. Every method raises `ringrift.client.ClientError`."""

    async def status(self) -> StatusView: ...

    async def models(self) -> ModelsView: ...

    async def recent_events(
        self, limit: int = 100, after: int | None = None
    ) -> tuple[EventView, ...]: ...

    async def act(self, request: ActionRequest) -> ActionReply: ...

    def events(self) -> AsyncIterator[EventView]: ...

"""The routes of a node: looking everywhere, acting where people are known.

They show the newest pictures that others made (`Shown`) and compute nothing themselves.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import msgspec
import trio
from prometheus_client import CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from ringrift.engine.config import CONFIGS
from ringrift.node.net.guard import (
    Guard,
    RequestError,
    decoded,
    error_response,
    json_response,
    one_integer,
)
from ringrift.node.net.pki import Subject
from ringrift.node.net.snapshot_route import Picture, snapshot_route
from ringrift.node.runtime.eventbus import EventBus
from ringrift.wire.actions import ActionReply, ActionRequest
from ringrift.wire.views import EventsView, EventView, ModelsView, StatusView

KEEP_ALIVE_S = 15.0
"""Pause after which a silent event stream says that it still lives."""
MAX_EVENTS = 1_000

_action_decoder: msgspec.json.Decoder[ActionRequest] = msgspec.json.Decoder(ActionRequest)


class Shown(Protocol):
    """What there is to show: the newest pictures, None before the first."""

    @property
    def status(self) -> StatusView | None: ...

    @property
    def models(self) -> ModelsView | None: ...


T = TypeVar("T")
Recent = Callable[[int, int | None], Awaitable[tuple[EventView, ...]]]
Act = Callable[[ActionRequest, str | None], Awaitable[ActionReply]]
"""Has an action decided for a member, by id; for None it is whoever may open the socket."""


def node_app(
    looking: Sequence[Route],
    act: Act | None,
    max_body_bytes: int,
    picture: Picture | None = None,
) -> ASGIApp:
    """Return the ASGI app of a node for its own machine, with `looking_routes`.

    Without `act` nothing in it changes anything, without `picture` it hands no whole state out.
    """
    routes = list(looking)
    if act is not None:
        routes.append(acting_route(act))
    if picture is not None:
        routes.append(snapshot_route(picture))
    return guarded(routes, max_body_bytes)


def looking_routes(
    shown: Shown, events: EventBus[EventView], recent: Recent, registry: CollectorRegistry
) -> list[Route]:
    """What is shown to whoever may look."""
    looking = _Looking(shown, events, recent, registry)
    return [
        Route("/status", looking.status, methods=["GET"]),
        Route("/health", looking.health, methods=["GET"]),
        Route("/models", looking.models, methods=["GET"]),
        Route("/events", looking.stream, methods=["GET"]),
        Route("/events/recent", looking.recent, methods=["GET"]),
        Route("/metrics", looking.metrics, methods=["GET"]),
    ]


def acting_route(act: Act) -> Route:
    """Where actions go; whoever composes it makes sure that only those get there who may act."""

    async def actions(request: Request) -> Response:
        wanted = decoded(_action_decoder, await request.body(), "action")
        # Only the door of the peers' port knows certificates, and puts their subjects here.
        subject: Subject | None = getattr(request.state, "subject", None)
        return json_response(await act(wanted, None if subject is None else subject.node))

    return Route("/actions", actions, methods=["POST"])


def guarded(routes: Sequence[BaseRoute], max_body_bytes: int, *, local: bool = True) -> ASGIApp:
    """Return an app of these routes behind the `Guard`; its every error is an `ErrorView`."""
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _refuse_http, RequestError: _refuse},
    )
    return Guard(app, max_body_bytes, local=local)


class _Looking:
    def __init__(
        self,
        shown: Shown,
        events: EventBus[EventView],
        recent: Recent,
        registry: CollectorRegistry,
    ) -> None:
        self._shown = shown
        self._events = events
        self._recent = recent
        self._registry = registry

    async def status(self, request: Request) -> Response:
        return json_response(_ready(self._shown.status))

    async def health(self, request: Request) -> Response:
        status = _ready(self._shown.status)
        body = {"healthy": status.healthy, "reason": status.reason}
        return json_response(body)

    async def models(self, request: Request) -> Response:
        models = _ready(self._shown.models)
        wanted = request.query_params.get("config")
        if wanted is None:
            return json_response(models)
        if wanted not in {config.name for config in CONFIGS}:
            known = ", ".join(config.name for config in CONFIGS)
            raise RequestError(400, f"config {wanted[:40]!r} does not exist; there are {known}")
        only = tuple(model for model in models.models if model.config == wanted)
        baselines = {name: r for name, r in models.baselines.items() if name == wanted}
        return json_response(msgspec.structs.replace(models, models=only, baselines=baselines))

    async def recent(self, request: Request) -> Response:
        query = request.query_params
        limit = one_integer(query.getlist("limit"), "limit", default=100, low=1, high=MAX_EVENTS)
        after = one_integer(query.getlist("after"), "after", default=None, low=0, high=2**53)
        assert limit is not None
        return json_response(EventsView(events=await self._recent(limit, after)))

    async def stream(self, request: Request) -> Response:
        # Asked for before the answer starts: what happens from now on is not missed.
        return StreamingResponse(
            _server_sent(self._events),
            media_type="text/event-stream",
            headers={"cache-control": "no-store"},
        )

    async def metrics(self, request: Request) -> Response:
        return Response(
            generate_latest(self._registry), media_type="text/plain; version=0.0.4; charset=utf-8"
        )


async def _server_sent(events: EventBus[EventView]) -> AsyncIterator[bytes]:
    with events.subscribe() as subscription:
        yield b": ringrift events\n\n"
        while True:
            event: EventView | None = None
            with trio.move_on_after(KEEP_ALIVE_S):
                event = await anext(subscription)
            if event is None:
                yield b": alive\n\n"
            else:
                yield b"id: %d\ndata: %s\n\n" % (event.seq, msgspec.json.encode(event))


def _ready(picture: T | None) -> T:
    if picture is None:
        raise RequestError(503, "the node is starting; ask again in a moment")
    return picture


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return error_response(error.status, str(error))


async def _refuse_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    place = f"{request.method} {request.url.path[:100]}"
    sentences = {
        404: f"{place} does not exist; there are /status /health /models /events /metrics",
        405: f"{place} is not possible here; actions go to POST /actions on the Unix socket, "
        "or at the peers' port",
    }
    return error_response(error.status_code, sentences.get(error.status_code, str(error.detail)))

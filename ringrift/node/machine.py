"""What this machine is and can do, as its node says of itself."""

import os
import secrets
import socket

import psutil

from ringrift import __version__
from ringrift.node.cluster.charter import SUPPORTED_FORMAT
from ringrift.node.cluster.members import Abilities, Life, Reach
from ringrift.node.health.gpu import cards
from ringrift.node.runtime.settings import Settings, WorkerSettings
from ringrift.node.worker.slots import Slots, slots_for


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return psutil.cpu_count() or 1


def slots_of_machine(settings: WorkerSettings) -> Slots:
    """How much may compute here at once."""
    return slots_for(cores(), settings.slots, settings.threads_per_slot)


def node_name(settings: Settings, node_id: str | None = None) -> str:
    """The name for people: the profile's, the one this node was founded or let in under, or the
    machine's own."""
    given = "" if node_id is None else node_id.rpartition("-")[0]
    name = settings.node.name or given or socket.gethostname().split(".")[0]
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in name)[:48]


def life_of(settings: WorkerSettings, boot: int, reach: Reach) -> Life:
    """What the node says of itself when its life number `boot` begins."""
    abilities = Abilities(
        kinds=settings.kinds,
        slots=slots_of_machine(settings).total,
        cores=cores(),
        memory_bytes=psutil.virtual_memory().total,
        gpu=next((card.name for card in cards()), None),
    )
    return Life(
        boot=boot,
        nonce=secrets.token_hex(16),
        version=__version__,
        supports=SUPPORTED_FORMAT,
        abilities=abilities,
        reach=reach,
    )

"""How often what happened in a node's gossip."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Since the node's start.

    `failed` probes of `probes` were answered neither directly nor by the `indirect` way; each such
    failure made or confirmed a suspicion (`accused`), or told nothing new. `declared` deaths are
    this node's own judgement, `denied` accusations were of this node. `stopped` is how often it was
    not running for a while. `ignored` statements were of no member, or by none who may judge it;
    `dropped` messages found no room on their stream.
    """

    probes: int = 0
    indirect: int = 0
    failed: int = 0
    accused: int = 0
    declared: int = 0
    denied: int = 0
    compared: int = 0
    stopped: int = 0
    ignored: int = 0
    dropped: int = 0

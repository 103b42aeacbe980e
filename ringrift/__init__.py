"""RingRift: AlphaZero-style training for a territory board game, on a fleet that comes and goes.

One executable, three faces: a peer (``ringrift node``), its cockpit (``ringrift tui``) and its
physician (``ringrift doctor``). docs/architecture.md says where everything is.
"""

__version__ = "0.1.0"

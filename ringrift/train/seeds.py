"""Seeds that follow from names, so that a game replays alone as it was played in company."""

import hashlib


def seed_of(*parts: str | int) -> int:
    """64 bits that depend on every part and on their order."""
    text = "\0".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")

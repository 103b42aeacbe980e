"""All files of a job are fetched together; the first that fails ends the rest."""

import pytest
import trio

from ringrift.node.data.blobs import BlobError
from ringrift.node.worker.supplies import Supplies


async def test_all_are_asked_for_together_and_counted_as_they_come() -> None:
    gate, waiting = trio.Event(), trio.Event()
    asked: list[str] = []
    said: list[tuple[int, int]] = []

    async def fetch(sha256: str) -> None:
        asked.append(sha256)
        if len(asked) == 3:
            waiting.set()
        await gate.wait()

    supplies = Supplies(fetch, ["a", "b", "c"], lambda done, total: said.append((done, total)))
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supplies.gather)
            await waiting.wait()
            assert said == [(0, 3)]
            gate.set()
    assert sorted(asked) == ["a", "b", "c"]
    assert said == [(0, 3), (1, 3), (2, 3), (3, 3)]


async def test_the_first_failure_ends_the_rest() -> None:
    async def fetch(sha256: str) -> None:
        if sha256 == "b":
            raise BlobError("b is gone")
        await trio.sleep_forever()

    supplies = Supplies(fetch, ["a", "b", "c"], lambda done, total: None)
    with trio.fail_after(10), pytest.raises(BlobError, match="b is gone"):
        await supplies.gather()


async def test_a_stop_before_the_start_fetches_nothing_to_the_end() -> None:
    came: list[str] = []

    async def fetch(sha256: str) -> None:
        await trio.sleep(0)
        came.append(sha256)

    supplies = Supplies(fetch, ["a"], lambda done, total: None)
    supplies.stop()
    await supplies.gather()
    assert came == []

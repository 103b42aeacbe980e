"""A second reading of the work queue's rules, as plain as they come."""

from dataclasses import dataclass, field

NODES = ("n", "m", "g")
GPU = "g"
CONFIGS = ("hex8_2p", "square8_2p")
BAD_ENDS = ("failed", "cancelled")


@dataclass
class Expected:
    """What must be so of an item; `effective` counts how often it took effect."""

    kind: str
    config: str
    priority: int
    gpu: bool
    waits: list[int]
    target: str | None
    state: str = "pending"
    attempts: int = 0
    claim: int | None = None
    owner: str = ""
    excluded: list[str] = field(default_factory=list)
    effective: int = 0
    retry_of: int | None = None
    root: int | None = None


class Model:
    """All items by what was commanded."""

    def __init__(self, attempts: int) -> None:
        self.items: dict[int, Expected] = {}
        self.boots = dict.fromkeys(NODES, 1) | {"m": 0, "g": 0}
        self.draining: set[str] = set()
        self.paused: set[str] = set()
        self.met: set[int] = set()
        self._attempts = attempts

    def may_depend_on(self, items: list[int]) -> bool:
        return all(i in self.items and self.items[i].state not in BAD_ENDS for i in items)

    def added(
        self,
        item: int,
        of: tuple[str, str],
        priority: int,
        *,
        gpu: bool,
        waits: list[int],
        target: str | None,
    ) -> None:
        self.items[item] = Expected(*of, priority, gpu, [], target)
        self.items[item].waits = [i for i in waits if self.items[i].state != "completed"]

    def waits_for(self, item: int) -> set[int]:
        return {i for i in self.items[item].waits if self._state(i) in ("pending", "claimed")}

    def _state(self, item: int) -> str:
        return self.items[item].state if item in self.items else "gone"

    def claimed(
        self, node: str, kinds: tuple[str, ...], slots: int, claim: int
    ) -> tuple[tuple[int, ...], dict[str, int], set[str]]:
        """What a claim must be granted, why not the others, and what kinds could be granted."""
        waiting = [i for i, row in self.items.items() if row.state == "pending"]
        waiting.sort(key=lambda i: (-self.items[i].priority, i))
        claimable = {self.items[i].kind for i in waiting if not self._why_not(node, kinds, i)}
        granted: list[int] = []
        rejections: dict[str, int] = {}
        for item in waiting:
            row = self.items[item]
            why = self._why_not(node, kinds, item) or ("slots" if len(granted) == slots else "")
            if why:
                rejections[why] = rejections.get(why, 0) + 1
                continue
            row.state, row.claim, row.owner = "claimed", claim, node
            row.attempts += 1
            granted.append(item)
        assert len(granted) + sum(rejections.values()) == len(waiting)
        return tuple(granted), rejections, claimable

    def _why_not(self, node: str, kinds: tuple[str, ...], item: int) -> str:
        row = self.items[item]
        fit = [n for n in NODES if n == GPU or not row.gpu]
        others = [n for n in fit if n not in self.draining and n not in row.excluded]
        doing = {(r.kind, r.config) for r in self.items.values() if self._is_held_by(r, node)}
        reasons = {
            "kind": row.kind not in kinds,
            "gpu": node not in fit,
            "same": row.kind == "evaluation" and (row.kind, row.config) in doing,
            "excluded": node in row.excluded and others != [],
            "target": row.target is not None and row.target != node,
            "paused": row.config in self.paused,
            "waiting": self.waits_for(item) != set(),
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    @staticmethod
    def _is_held_by(row: Expected, node: str) -> bool:
        return (row.state, row.owner) == ("claimed", node)

    def holds(self, item: int, claim: int) -> bool:
        row = self.items.get(item)
        return row is not None and (row.state, row.claim) == ("claimed", claim)

    def completed(self, item: int, claim: int) -> bool:
        row = self.items.get(item)
        if self.holds(item, claim) and row is not None:
            row.state = "completed"
            row.effective += 1
            self.met.add(item if row.root is None else row.root)
        return row is not None and (row.state, row.claim) == ("completed", claim)

    def gave_back(self, item: int, claim: int, *, counts: bool) -> bool:
        if not self.holds(item, claim):
            return False
        row = self.items[item]
        row.claim = None
        row.state = "pending"
        if not counts:
            row.attempts -= 1
            return True
        row.excluded = [n for n in row.excluded if n != row.owner] + [row.owner]
        if row.attempts == self._attempts:
            self._end_badly(item, "failed")
        return True

    def _end_badly(self, item: int, state: str) -> None:
        self.items[item].state, self.items[item].claim = state, None
        for other, row in self.items.items():
            if row.state == "pending" and item in row.waits:
                self._end_badly(other, "failed")

    def cancelled(self, item: int) -> bool:
        if self._state(item) in ("pending", "claimed"):
            self._end_badly(item, "cancelled")
        return self._state(item) == "cancelled"

    def retried(self, item: int, new: int) -> bool:
        row = self.items.get(item)
        if row is None or row.state not in BAD_ENDS:
            return False
        root = item if row.root is None else row.root
        kin = [r for i, r in self.items.items() if root in (i, r.root)]
        # Of one pair of players there is one match: that of the whole line of retries.
        one_match = kin if row.kind == "evaluation" else [r for r in kin if r.retry_of == item]
        if any(r.state in ("pending", "claimed") for r in one_match):
            return False
        if row.kind == "evaluation" and root in self.met:
            return False
        fresh = Expected(
            row.kind, row.config, row.priority, row.gpu, [], None, retry_of=item, root=root
        )
        self.items[new] = fresh
        return True

    def released(self, item: int) -> bool:
        if self._state(item) != "pending":
            return False
        self.items[item].target, self.items[item].excluded = None, []
        return True

    def evicted(self, item: int) -> None:
        if self._state(item) in ("completed", *BAD_ENDS):
            del self.items[item]

    def started_anew(self, node: str) -> None:
        for row in self.items.values():
            if self._is_held_by(row, node):
                row.state, row.claim = "pending", None
                row.attempts -= 1

"""What must hold inside the tables and between them. An assertion: nobody's wish can break it.

A row is checked against rows that stand before it in a snapshot, so that a state can be checked
while it is read, row by row; `at_end` checks the small tables, and the sums, in one go.
"""

from collections.abc import Callable
from typing import Any

from ringrift.node.cluster import sessions
from ringrift.node.cluster.audit import MAX_TEXT, AuditLine
from ringrift.node.cluster.configs import ConfigRow
from ringrift.node.cluster.models import MAX_MATCHES, MAX_MODELS, Model
from ringrift.node.cluster.shards import Shard
from ringrift.node.cluster.tokens import MAX_TOKENS
from ringrift.node.cluster.transitions.base import Tables
from ringrift.node.cluster.work import Item


def _shard(tables: Tables, row: Shard) -> None:
    tables.shards.check_row(row)


def _model(tables: Tables, row: Model) -> None:
    assert len(tables.models.rows) <= MAX_MODELS
    assert len(row.matches) <= MAX_MATCHES, row


def _item(tables: Tables, row: Item) -> None:
    tables.work.check_row(row)
    assert row.config in tables.configs.rows, row
    if row.state == "claimed":
        assert row.claim is not None, row
        member = tables.members.rows.get(row.claim.node)
        assert member is not None and member.machine and member.boot == row.claim.boot, row
    if row.state == "pending" and row.target is not None:
        target = tables.members.rows.get(row.target)
        assert target is not None and target.machine, row


def _line(tables: Tables, row: AuditLine) -> None:
    assert max(len(row.action), len(row.result)) <= MAX_TEXT, row


_ROWS: dict[str, Callable[[Tables, Any], None]] = {
    "shards": _shard,
    "models": _model,
    "work": _item,
    "audit": _line,
}


def row(tables: Tables, table: str, entered: object) -> None:
    """Check a row of a large table that is in it."""
    check = _ROWS.get(table)
    if check is not None:
        check(tables, entered)


def at_end(tables: Tables, index: int) -> None:
    """Check the small tables, the indexes, and the sums, in a state as of entry `index`."""
    tables.charter.check()
    for member in tables.members.rows.values():
        tables.members.check(member)
    assert len(tables.tokens.rows) <= MAX_TOKENS
    assert len(tables.sessions.rows) <= sessions.MAX_SESSIONS
    for session in tables.sessions.rows.values():
        sessions.check(session, index)
    tables.shards.check_totals()
    for config in tables.configs.rows.values():
        _config(tables, config)
    tables.work.check()
    tables.audit.check()


def _config(tables: Tables, row: ConfigRow) -> None:
    for sha256 in (row.generator, row.champion):
        model = None if sha256 is None else tables.models.rows.get(sha256)
        assert sha256 is None or (model is not None and model.config == row.name), row
    assert row.games_fitted <= tables.shards.of(row.name).games, row


def everything(tables: Tables, index: int) -> None:
    """Check all rows; costs a pass over them."""
    for shard in tables.shards.rows.values():
        _shard(tables, shard)
    for model in tables.models.rows.values():
        _model(tables, model)
    for item in tables.work.rows.values():
        _item(tables, item)
    for line in tables.audit.rows.values():
        _line(tables, line)
    at_end(tables, index)

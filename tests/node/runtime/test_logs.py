"""Logs are one JSON object a line, from our loggers and from foreign ones alike."""

import json
import logging
from pathlib import Path

import structlog

from ringrift.node.runtime.logs import logging_to


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_records_become_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "node.jsonl"
    with logging_to(path, "info"):
        structlog.get_logger("worker").warning("refused", item=3)
        logging.getLogger("hypercorn.error").error("broke %s", "here")
        structlog.get_logger("worker").debug("not asked for")
        try:
            raise ValueError("deep inside")
        except ValueError as error:
            structlog.get_logger("worker").error("failed", exc_info=error)
    first, second, third = lines(path)
    assert (first["event"], first["item"], first["level"]) == ("refused", 3, "warning")
    assert first["logger"] == "worker"
    assert (second["event"], second["level"]) == ("broke here", "error")
    assert "ValueError: deep inside" in str(third["exception"])
    assert all("timestamp" in line for line in (first, second, third))


def test_the_next_process_goes_on_where_the_file_ends(tmp_path: Path) -> None:
    path = tmp_path / "node.jsonl"
    for life in (1, 2):
        with logging_to(path, "info"):
            structlog.get_logger("node").info("starts", life=life)
    assert [line["life"] for line in lines(path)] == [1, 2]

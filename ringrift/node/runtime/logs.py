"""Structured logs: one JSON object a line, to stderr and to a rotating file, written by a thread.

The event loop only puts a record into a bounded queue; a full queue drops the record and counts it
rather than making the node wait for its own log.
"""

import logging
import logging.handlers
import queue
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import structlog

QUEUE_RECORDS = 10_000
FILE_BYTES = 5_000_000
FILES_KEPT = 4


class _DroppingQueueHandler(logging.handlers.QueueHandler):
    """A queue handler that counts what a full queue cannot take, instead of printing traces."""

    dropped = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        # The standard one turns the event into text, for another process; ours is a thread.
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1


@contextmanager
def logging_to(path: Path | None, level: str) -> Generator[None]:
    """Send all logs of this process to stderr and `path` while the context lasts."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    )
    sinks: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        sinks.append(
            logging.handlers.RotatingFileHandler(
                path, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8"
            )
        )
    for sink in sinks:
        sink.setFormatter(formatter)
    records: queue.Queue[logging.LogRecord] = queue.Queue(QUEUE_RECORDS)
    handler = _DroppingQueueHandler(records)
    listener = logging.handlers.QueueListener(records, *sinks)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level.upper())
    # A request line for each poll of the dashboard would be most of the log.
    for noisy in ("httpx", "httpcore", "hypercorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(handler)
        listener.stop()
        if handler.dropped:
            sys.stderr.write(f"{handler.dropped} log records were dropped: the queue was full\n")
        for sink in sinks:
            sink.close()

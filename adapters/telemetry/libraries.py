"""What libraries and our own threads say through `logging`, as events among the others."""

from __future__ import annotations

import logging
from typing import Any, Final

import structlog

# From which level on each is heard; what else they say is for those who write them.
_HEARD: Final = {
    "carbon254": logging.INFO,
    "apscheduler": logging.WARNING,
    "waitress": logging.WARNING,
    "nats": logging.WARNING,
    "py.warnings": logging.WARNING,
}


def hear_libraries() -> None:
    """Write what `logging` and `warnings` are told as events of ours. Doing it again is nothing."""
    logging.captureWarnings(capture=True)
    for name, level in _HEARD.items():
        logger = logging.getLogger(name)
        if not any(isinstance(one, _Events) for one in logger.handlers):
            logger.addHandler(_Events())
        logger.setLevel(level)
        logger.propagate = False


class _Events(logging.Handler):
    """Turns records into events."""

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, Any] = {"logger": record.name}
        if record.exc_info:
            facts["exc_info"] = record.exc_info
        structlog.get_logger().log(record.levelno, record.getMessage(), **facts)

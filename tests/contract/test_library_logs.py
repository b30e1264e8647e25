"""What libraries say through `logging` becomes events among ours."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator

import pytest
import structlog

from carbon254.adapters.telemetry.libraries import hear_libraries
from carbon254.adapters.telemetry.logs import write_json


@pytest.fixture
def events() -> Iterator[io.StringIO]:
    """Where events go; everything is as it was afterwards."""
    heard = [
        logging.getLogger(n)
        for n in ("carbon254", "apscheduler", "waitress", "nats", "py.warnings")
    ]
    before = [(one, list(one.handlers), one.level, one.propagate) for one in heard]
    stream = io.StringIO()
    write_json(stream)
    yield stream
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    for logger, handlers, level, propagate in before:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_threads_and_libraries_are_heard_once(events: io.StringIO) -> None:
    hear_libraries()
    hear_libraries()
    logging.getLogger("carbon254.jobs").info("job '%s' asked", "fetch nem/trading")
    logging.getLogger("apscheduler.executors.default").info("Running job")
    logging.getLogger("waitress").error("a request of %s", "nobody")
    told = lines(events)
    assert [(one["logger"], one["level"], one["event"]) for one in told] == [
        ("carbon254.jobs", "info", "job 'fetch nem/trading' asked"),
        ("waitress", "error", "a request of nobody"),
    ]
    assert all(one["at"].endswith("Z") for one in told)


def test_a_trace_is_kept_and_a_secret_is_not(events: io.StringIO) -> None:
    hear_libraries()
    try:
        raise ZeroDivisionError("oh")
    except ZeroDivisionError:
        logging.getLogger("carbon254.x").exception("no nats://user:s3cr3t@host")
    (told,) = lines(events)
    assert "ZeroDivisionError: oh" in told["exception"]
    assert "s3cr3t" not in events.getvalue()


def test_warnings_are_events(events: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        hear_libraries()
        warnings.warn("plugin 'x' failed on an event", stacklevel=1)
        logging.captureWarnings(capture=False)
    (told,) = lines(events)
    assert "plugin 'x' failed on an event" in told["event"]

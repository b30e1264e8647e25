"""Reads documents with gridstatus, run by the Python of an environment of its own; imports nothing of ours.

Speaks on standard output, one line for each line of input: ``time MARKET`` answers seconds of CPU, ``keep MARKET
FILE`` writes what was read.
"""

import io
import logging
import sys
import time
import warnings
from pathlib import Path

import gridstatus
import numpy as np
import pandas as pd
import requests
from gridstatus import Markets

FILES = dict(pair.split("=", 1) for pair in sys.argv[1:])
BODIES = {market: Path(path).read_bytes() for market, path in FILES.items()}
READ_CSV = pd.read_csv
COLUMNS = {
    "caiso": ["LMP", "Energy", "Congestion", "Loss", "GHG"],
    "miso": ["LMP", "Energy", "Congestion", "Loss"],
}


class Answer:
    """What requests would return."""

    status_code = 200

    def __init__(self, body):
        self.content = body
        self.headers = {"Content-Disposition": "inline; filename=made.csv.zip;"}


def get(url, **_):
    return Answer(BODIES["caiso"])


def read_csv(source, *arguments, **options):
    if isinstance(source, str) and source.startswith("https://docs.misoenergy.org/"):
        source = io.BytesIO(BODIES["miso"])
    return READ_CSV(source, *arguments, **options)


def read(market):
    """The prices of 15 July 2025, as gridstatus returns them."""
    if market == "caiso":
        return gridstatus.CAISO()._get_lmp(
            pd.Timestamp("2025-07-15", tz="America/Los_Angeles"),
            market=Markets.DAY_AHEAD_HOURLY,
            locations="ALL",
            sleep=0,
        )
    return gridstatus.MISO()._get_lmp(
        pd.Timestamp("2025-07-15", tz="EST"), market=Markets.DAY_AHEAD_HOURLY
    )


def keep(market, path):
    """Write what was read: places, starts in UTC as nanoseconds, and the numbers."""
    frame = read(market)
    start = frame["Interval Start"].dt.tz_convert("UTC").dt.tz_localize(None)
    np.savez(
        path,
        place=frame["Location"].to_numpy().astype(str),
        start=start.to_numpy().astype("datetime64[ns]").astype(np.int64),
        **{name: frame[name].to_numpy(dtype=float) for name in COLUMNS[market]},
    )
    return len(frame)


def main():
    warnings.simplefilter("ignore")
    logging.disable()  # it would tell of every step
    requests.get = get
    pd.read_csv = read_csv
    print("ready", gridstatus.__version__, pd.__version__, flush=True)
    for line in sys.stdin:
        verb, market, *rest = line.rstrip("\n").split("\t")
        if verb == "keep":
            print(keep(market, *rest), flush=True)
            continue
        begun = time.process_time()
        read(market)
        print(time.process_time() - begun, flush=True)


main()

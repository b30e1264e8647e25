"""Reads documents with our plugins, in a process of its own; the other side of `gridstatus_worker`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from carbon254.adapters.plugins.host import PluginHost
from carbon254.core.domain.documents import Document
from carbon254.ports.markets import chunks


def main() -> None:
    """Answer each line ``time MARKET`` with seconds of CPU."""
    host = PluginHost()
    documents = {}
    for pair in sys.argv[1:]:
        market, path = pair.split("=", 1)
        documents[market] = Document(Path(path).name, Path(path).read_bytes())
    print("ready", flush=True)
    for line in sys.stdin:
        _, market = line.rstrip("\n").split("\t")
        begun = time.process_time()
        list(chunks(host.market(market).read("day_ahead_lmp", documents[market])))
        print(time.process_time() - begun, flush=True)


main()

"""Takes one document in, end to end, in a process of its own, and says what it took: ``python -m … FOLDER FILE``."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from benchmarks.harness import peak_memory


def main() -> None:
    """Ingest the file into the folder and print what there is to know as JSON."""
    import carbon254
    from carbon254.core.domain.documents import Document

    folder, file = map(Path, sys.argv[1:])
    begun = time.perf_counter()
    with carbon254.open(folder) as platform:
        opened = peak_memory()
        (outcome,) = platform.ingest.one(Document(file.name, file.read_bytes()))
        ingested = peak_memory()
        platform.upkeep()
    told = {
        "status": outcome.status, "message": outcome.message, "rows": outcome.rows_read, "opened": opened,
        "ingested": ingested, "peak": peak_memory(), "seconds": time.perf_counter() - begun,
        "cpu": time.process_time(), "rusage": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }  # fmt: skip
    print(json.dumps(told))


main()

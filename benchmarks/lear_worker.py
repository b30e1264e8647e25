"""`python lear_worker.py fast|plain DAYS`: forecasts made-up days with the four-window LEAR ensemble, in one thread.

Prints seconds of CPU a day and the greatest resident size in bytes; what happens once (loading, compiling) is not in
the former.
"""

import resource
import sys
import time
from datetime import timedelta

if sys.argv[1] == "plain":
    sys.modules["numba"] = None  # type: ignore[assignment] # as where it is not installed

from carbon254.core.domain.forecasts import Horizon
from carbon254.plugins.models.lear.model import Lear, LearParameters
from carbon254.ports.testing.fakes.models import card
from carbon254.ports.testing.models import ORDINARY, made_up, reader_of

model, parameters = Lear(card("lear")), LearParameters()
tables = made_up(1501, 24)


def forecast(day: int) -> None:
    """Fit and forecast as of the gate closure before a day."""
    known = {one: values[: 1470 + day] for one, values in tables.items()}
    reader = reader_of(ORDINARY + timedelta(day), 1469 + day, tables=known)
    state = model.fit(reader, reader.origin, parameters, 1)
    model.predict(state, reader, Horizon(reader.subject.grid, ORDINARY + timedelta(day)))


forecast(0)
days = int(sys.argv[2])
begun = time.process_time()
for number in range(1, days + 1):
    forecast(number)
print((time.process_time() - begun) / days)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)

"""The scenarios of features/time, their questions asked over HTTP."""

import importlib.util
from pathlib import Path

_FILE = Path(__file__).parents[1] / "test_time.py"
_SPEC = importlib.util.spec_from_file_location("time_steps", _FILE)
assert _SPEC
assert _SPEC.loader
_STEPS = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_STEPS)
globals().update({name: one for name, one in vars(_STEPS).items() if name != "__file__"})

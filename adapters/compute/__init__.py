"""Computing on the processors of this machine."""

from carbon254.adapters.compute.processes import ProcessExecutor

__all__ = ["ProcessExecutor"]

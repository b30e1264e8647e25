"""Kernel regression of whole days: what was paid on days that looked alike."""

from carbon254.core.domain.model_cards import ModelCard
from carbon254.ports.hooks import hookimpl
from carbon254.ports.models import Forecaster


@hookimpl
def carbon254_model(card: ModelCard) -> Forecaster:
    """Return the model; its modules are imported on first use only."""
    from carbon254.plugins.models.kernel.model import Kernel

    return Kernel(card)

"""LEAR: autoregression of each slot of the day, estimated by the LASSO over several windows."""

from carbon254.core.domain.model_cards import ModelCard
from carbon254.ports.hooks import hookimpl
from carbon254.ports.models import Forecaster


@hookimpl
def carbon254_model(card: ModelCard) -> Forecaster:
    """Return the model; its modules are imported on first use only."""
    from carbon254.plugins.models.lear.model import Lear

    return Lear(card)

"""Naive forecasts: what any model must beat."""

from carbon254.core.domain.model_cards import ModelCard
from carbon254.ports.hooks import hookimpl
from carbon254.ports.models import Forecaster


@hookimpl
def carbon254_model(card: ModelCard) -> Forecaster:
    """Return the model."""
    from carbon254.plugins.models.naive.model import Naive

    return Naive(card)

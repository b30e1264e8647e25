"""Gradient boosting pooled over the slots of the day."""

from __future__ import annotations

from carbon254.core.domain.model_cards import ModelCard
from carbon254.ports.hooks import hookimpl
from carbon254.ports.models import Forecaster


@hookimpl
def carbon254_model(card: ModelCard) -> Forecaster:
    """The model, made when it is wanted."""
    from carbon254.plugins.models.gbm.model import GradientBoosting

    return GradientBoosting(card)

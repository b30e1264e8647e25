"""Gradient-boosted trees by LightGBM, an optional package: one set of trees for all slots of the day.

The target is the price counted from its base, through arcsinh on a robust scale, and the loss is absolute: spikes
neither rule the trees nor are lost. Trees are grown in one thread and from one seed, so that they are the same
wherever they are grown.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import field, frozen

from carbon254.core.domain.arcsinh import MAD_TO_SIGMA
from carbon254.core.domain.errors import PluginBroken
from carbon254.core.domain.observations import Column


@frozen(kw_only=True)
class Growth:
    """How trees are grown, in LightGBM's terms."""

    rounds: int = 400
    learning_rate: float = 0.05
    leaves: int = 31
    least_rows: int = 20
    bins: int = 63
    feature_share: float = 0.5
    row_share: float = 0.7
    ridge: float = 1.0
    bend: float = 3.0  # robust standard deviations within which prices are taken as they are

    def options(self, seed: int) -> dict[str, Any]:
        """As LightGBM wants them."""
        return {
            "objective": "regression_l1", "learning_rate": self.learning_rate,
            "num_leaves": self.leaves, "max_bin": self.bins, "min_data_in_leaf": self.least_rows,
            "feature_fraction": self.feature_share, "bagging_fraction": self.row_share,
            "bagging_freq": 1, "lambda_l2": self.ridge, "seed": seed % (2**31),
            "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1,
        }  # fmt: skip


@frozen(eq=False)
class Trees:
    """Grown trees, and the scale of what they predict; can be pickled."""

    booster: Any = field(repr=False)
    scale: float
    follows: bool  # whether they start from members

    @classmethod
    def grow(
        cls, rows: Column, above_base: Column, growth: Growth, seed: int, *, follows: bool = False
    ) -> Trees:
        """Learn from rows of features and prices counted from their base. Raises `PluginBroken` without LightGBM."""
        lightgbm = _lightgbm()
        scale, options = _spread(above_base) * growth.bend, growth.options(seed)
        data = lightgbm.Dataset(rows, np.arcsinh(above_base / scale), params=options)
        booster = lightgbm.train(options, data, growth.rounds)
        return cls(booster, scale, follows)

    def predict(self, rows: Column) -> Column:
        """Prices counted from their base."""
        tame = np.asarray(self.booster.predict(rows, num_threads=1))
        made: Column = np.sinh(tame) * self.scale
        return made


def _spread(values: Column) -> float:
    """A robust standard deviation that is never 0."""
    away = np.abs(values - np.median(values))
    return float(MAD_TO_SIGMA * np.median(away) or away.mean() or 1.0)


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError:
        raise PluginBroken(
            "The model 'gbm' needs LightGBM, which is not installed: pip install 'carbon254[gbm]'."
        ) from None
    return lightgbm

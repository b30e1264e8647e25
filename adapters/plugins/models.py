"""`ModelCatalogue` over the entry-point group ``carbon254.models``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from carbon254.adapters.plugins.installed import Installed
from carbon254.core.domain.model_cards import ModelCard, read_model_card

if TYPE_CHECKING:
    from carbon254.ports.models import Forecaster


class ModelHost(Installed[ModelCard, "Forecaster"]):
    """The models installed in this environment, or those of the entry points handed in."""

    kind: ClassVar = "model"

    def read_card(self, path: Path) -> ModelCard:
        return read_model_card(path)

    def protocol(self) -> type[Any]:
        from carbon254.ports.models import Forecaster

        return Forecaster

    def model(self, model: str) -> Forecaster:
        return self.plugin(model)

    def version(self, model: str) -> str:
        digest = self.digest(model)
        return f"{self.cards()[model].version}+{digest}"

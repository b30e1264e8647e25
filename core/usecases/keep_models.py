"""Give a model with its parameters a name, for ever: forecasts, backtests and members of other models may say it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen
from attrs.validators import min_len

from carbon254.core.domain.errors import Conflict
from carbon254.core.domain.forecast_documents import check_configuration
from carbon254.core.domain.forecasts import ModelSpec
from carbon254.core.domain.schemas import build, plain
from carbon254.ports.models import ModelCatalogue
from carbon254.ports.records import Facts

_FACT: Final = "models"


@frozen(kw_only=True)
class NamedModel:
    """A model with parameters under a name; kept with all its parameters, so that no later default changes it."""

    name: str = field(validator=min_len(1), metadata={"doc": "a token: a-z, 0-9 and _"})
    model: str = field(validator=min_len(1))
    parameters: Mapping[str, Any] = field(factory=dict)


@frozen
class KeepModels:
    """The installed models and those that were named."""

    models: ModelCatalogue
    facts: Facts

    def named(self) -> Mapping[str, NamedModel]:
        """Named models, in the order of their names."""
        found = json.loads(self.facts.get(_FACT) or "{}")
        return {name: build(NamedModel, found[name]) for name in sorted(found)}

    def keep(self, asked: NamedModel) -> NamedModel:
        """Keep a name, with all parameters of its model; the same again changes nothing.

        Raises `InvalidRequest` for a name that is no token or parameters that cannot be, `NotFound` for no such
        model, `PluginBroken`, and `Conflict` for a name that an installed model has or that stands for another one.
        """
        name = check_configuration(asked.name)
        if name in self.models.cards():
            raise Conflict(f"'{name}' is an installed model: choose another name.")
        spec = self.settled(ModelSpec(asked.model, asked.parameters))
        kept = NamedModel(name=name, model=spec.model, parameters=dict(spec.parameters))
        while True:
            before = self.facts.get(_FACT)
            known = json.loads(before or "{}")
            if name in known:
                if known[name] != plain(kept):
                    raise Conflict(
                        f"'{name}' is {known[name]['model']} with other parameters: choose another name."
                    )
                return kept
            if self.facts.claim(_FACT, json.dumps(known | {name: plain(kept)}), before):
                return kept

    def settled(self, spec: ModelSpec) -> ModelSpec:
        """The installed model that is meant, with all its parameters, defaults too.

        Parameters beside a name stand in place of those that are kept with it. Raises `NotFound`, `PluginBroken`,
        `InvalidRequest`.
        """
        meant = self.meant(spec)
        model = self.models.model(meant.model)
        parameters = build(model.Parameters, meant.parameters, f"parameters of {meant.model}")
        return ModelSpec(meant.model, plain(parameters), meant.label)

    def meant(self, spec: ModelSpec) -> ModelSpec:
        """The same without a name of ours, which stands also where a model of that id was installed later."""
        known = json.loads(self.facts.get(_FACT) or "{}")
        if spec.model not in known:
            return spec
        kept = build(NamedModel, known[spec.model])
        return ModelSpec(kept.model, {**kept.parameters, **spec.parameters}, spec.name)

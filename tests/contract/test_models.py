"""Models against the contract of `Forecaster`: the fakes, and each model that ships."""

from __future__ import annotations

from typing import ClassVar

import pytest

from carbon254.adapters.plugins.models import ModelHost
from carbon254.ports.models import Forecaster
from carbon254.ports.testing.fakes.models import Average, Repeat, Stumble
from carbon254.ports.testing.models import ForecasterSuite


class TestRepeat(ForecasterSuite):
    @pytest.fixture
    def model(self) -> Forecaster:
        return Repeat()


class TestRepeatWithNoiseAndBand(ForecasterSuite):
    parameters: ClassVar = {"noise": 2.0, "band": True}

    @pytest.fixture
    def model(self) -> Forecaster:
        return Repeat()


class TestAverage(ForecasterSuite):
    @pytest.fixture
    def model(self) -> Forecaster:
        return Average()


class TestStumble(ForecasterSuite):
    @pytest.fixture
    def model(self) -> Forecaster:
        return Stumble()


class TestNaive(ForecasterSuite):
    @pytest.fixture
    def model(self) -> Forecaster:
        return ModelHost().model("naive")


class TestSeasonal(TestNaive):
    parameters: ClassVar = {"rule": "seasonal", "season": 1}


class TestLear(ForecasterSuite):
    parameters: ClassVar = {"windows": [42, 84]}

    @pytest.fixture
    def model(self) -> Forecaster:
        return ModelHost().model("lear")


class TestKernel(ForecasterSuite):
    @pytest.fixture
    def model(self) -> Forecaster:
        return ModelHost().model("kernel")


class TestGbm(ForecasterSuite):
    parameters: ClassVar = {"rounds": 20}

    @pytest.fixture
    def model(self) -> Forecaster:
        return ModelHost().model("gbm")


class TestGbmOnMembers(TestGbm):
    parameters: ClassVar = {"rounds": 20, "members": [{"model": "naive"}], "window": 56}


class TestBlend(ForecasterSuite):
    parameters: ClassVar = {"window": 28}

    @pytest.fixture
    def model(self) -> Forecaster:
        return ModelHost().model("blend")


class TestBands(ForecasterSuite):
    @pytest.fixture
    def model(self) -> Forecaster:
        return ModelHost().model("bands")

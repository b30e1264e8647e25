"""The features as a catalogue that a report can cite: numbers, tags, refusals and words."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_bdd.parser import Feature, FeatureParser, ScenarioTemplate

from carbon254.core.domain.errors import BY_CODE

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "features"
FILES = sorted(FOLDER.rglob("*.feature"))
MARKERS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"][
    "ini_options"
]["markers"]
REGISTERED = {marker.partition(":")[0] for marker in MARKERS}
CONTROL = re.compile(r"(A1|C1|CC\d|PI1)\.\d|API\d+")
TOPIC = re.compile(r"[A-Z]{2,5}")
REFUSAL = re.compile(
    r'(?:refused|listed in quarantine|told) as "([a-z_]+)"|refused \w+ \w+ as "([a-z_]+)"'
)
FORBIDDEN = re.compile(
    r"\b(https?|url|uri|json|xml|csv|sql|html|api|rest|endpoint|database|column_?name|python|pytest|exception|"
    r"traceback|boolean|string|null|nan|class|dict|button|click|postgres|duckdb|sqlite)\b|://|\.py\b|\.toml\b",
    re.IGNORECASE,
)


def parsed(path: Path) -> Feature:
    return FeatureParser(str(FOLDER), str(path.relative_to(FOLDER))).parse()


FEATURES = {path.parent.name: parsed(path) for path in FILES}


def topic_of(feature: Feature) -> str:
    (topic,) = (tag for tag in feature.tags if TOPIC.fullmatch(tag))
    return str(topic)


def all_scenarios() -> Iterator[tuple[Feature, ScenarioTemplate]]:
    for feature in FEATURES.values():
        for scenario in feature.scenarios.values():
            yield feature, scenario


def tags_of(feature: Feature, scenario: ScenarioTemplate) -> set[str]:
    assert scenario.rule is not None, f"'{scenario.name}' stands outside any rule"
    return {*feature.tags, *scenario.rule.tags, *scenario.tags}


def test_each_topic_has_a_folder_of_its_own_with_one_file_and_its_steps() -> None:
    assert len(FEATURES) == len(FILES) >= 9
    topics = [topic_of(feature) for feature in FEATURES.values()]
    assert len(set(topics)) == len(topics)
    for path in FILES:
        assert path.stem == path.parent.name
        steps = Path(__file__).with_name(f"test_{path.stem}.py").read_text(encoding="utf-8")
        assert f'scenarios("{path.stem}")' in steps


@pytest.mark.parametrize("topic", FEATURES)
def test_rules_are_numbered_from_one_on_under_their_topic(topic: str) -> None:
    feature = FEATURES[topic]
    named = re.findall(
        r"^ *Rule: (.*)$", (FOLDER / topic / f"{topic}.feature").read_text(), re.MULTILINE
    )
    numbers = [name.partition(" ")[0] for name in named]
    assert numbers == [f"{topic_of(feature)}-{n:03}" for n in range(1, len(named) + 1)]
    held = {scenario.rule.name for scenario in feature.scenarios.values() if scenario.rule}
    assert held == set(named), "a rule without a scenario promises nothing"


def test_names_of_scenarios_tell_them_apart() -> None:
    names = re.findall(
        r"^ *Scenario(?: Outline)?: (.*)$",
        "\n".join(path.read_text() for path in FILES),
        re.MULTILINE,
    )
    assert sorted(names) == sorted(set(names))
    assert len(names) == sum(1 for _ in all_scenarios())


def test_every_scenario_is_evidence_for_a_registered_control() -> None:
    for feature, scenario in all_scenarios():
        tags = tags_of(feature, scenario)
        assert any(CONTROL.fullmatch(tag) for tag in tags), scenario.name
        assert tags <= REGISTERED, (scenario.name, tags - REGISTERED)


def test_every_registered_topic_and_control_is_used() -> None:
    used = {tag for feature, scenario in all_scenarios() for tag in tags_of(feature, scenario)}
    wanted = {one for one in REGISTERED if CONTROL.fullmatch(one) or TOPIC.fullmatch(one)}
    assert wanted - used == set()


@pytest.mark.parametrize("topic", FEATURES)
def test_each_topic_shows_a_refusal_beside_the_grant(topic: str) -> None:
    text = (FOLDER / topic / f"{topic}.feature").read_text()
    codes = {code for found in REFUSAL.findall(text) for code in found if code}
    if "<code>" in text:
        codes |= set(re.findall(r"\w+", text))
    assert codes & set(BY_CODE), "no refusal with its code"
    assert re.search(
        r"the answer (is:|has)|the number is|is recorded|stand apart|are ready", text
    ), "no grant"


def test_every_code_that_a_feature_names_exists() -> None:
    for path in FILES:
        for found in REFUSAL.findall(path.read_text()):
            (code,) = (one for one in found if one)
            assert code in {*BY_CODE, "recorded"}, (path.name, code)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_features_speak_of_markets_and_not_of_programs(path: Path) -> None:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = FORBIDDEN.search(line)
        assert found is None, f"{path.name}, line {number}: '{found[0]}'" if found else ""


def test_every_name_of_a_series_in_the_readme_is_used(names: dict[str, str]) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    unused = [name for name in names if not re.search(rf'"{name}"|\| {name} +\|', text)]
    assert names
    assert unused == []

"""Steps of features/audit."""

from typing import Any

from attrs import evolve
from pytest_bdd import given, parsers, scenarios, then, when

from carbon254.core.domain.audit import Kept
from carbon254.core.domain.checkpoints import checkpoint_text
from carbon254.core.domain.merkle import Frontier, TreeHead, consistent, included, leaf_hash
from carbon254.core.usecases.query_series import Question
from carbon254.ports.testing.fakes.audit import MacSigner, spoilt

scenarios("audit")


@given(parsers.parse('"{who}" has asked {times:d} times'))
def _(desk: Any, who: str, times: int) -> None:
    for _ in range(times):
        desk.call(who, "read", lambda scope: desk.find.run((), scope))


@given("a checkpoint was published")
def _(desk: Any) -> None:
    desk.checkpoint.run()


# ---------------------------------------------------------------- a log that cannot be written


@given("the audit log is full")
def _(desk: Any) -> None:
    desk.audit.full = True


@when("the audit log has room again")
def _(desk: Any) -> None:
    desk.audit.full = False


@when(parsers.parse('"{who}" asks for "{name}" while the audit log fills up'))
def _(desk: Any, who: str, name: str) -> None:
    def answer(scope: Any) -> Any:
        desk.audit.full = True
        return desk.query.run(Question((desk.series(name),)), scope)

    desk.call(who, "read", answer)


@then(parsers.parse("there is {count:d} key"))
def _(desk: Any, count: int) -> None:
    assert len(desk.keys.all()) == count


# ---------------------------------------------------------------- what stands in it


@then("the last entries of the audit log are:")
def _(desk: Any, datatable: list[list[str]]) -> None:
    head, *rows = datatable
    names = {"who": "principal", "firm": "tenant", "what": "kind", "did": "action"}
    wanted = [dict(zip(head, row, strict=True)) for row in rows]
    found = []
    for kept in desk.audit.kept[-len(wanted) :]:
        told = {name: getattr(kept.entry, names.get(name, name)) for name in head}
        who = told["who"] if told["firm"] == "house" else told["who"].title()
        found.append({**told, "at": f"{kept.entry.at:%Y-%m-%d %H:%M}", "who": who})
    assert found == wanted


@then("no key stands in the audit log")
def _(desk: Any) -> None:
    held = b"".join(kept.body for kept in desk.audit.kept).decode()
    for token in desk.tokens.values():
        assert token not in held
        assert token.rpartition("_")[2] not in held


@then("the fingerprint of what was shown stands in the last entry")
def _(desk: Any) -> None:
    shown = desk.made().masks()(desk.tokens["somebody"])
    assert desk.audit.kept[-1].entry.facts["secret"] == shown


@then(parsers.parse('calls of "{tenants}" are told and of nobody else'))
def _(desk: Any, tenants: str) -> None:
    assert {kept.entry.tenant for kept in desk.granted()} == set(tenants.split(", "))


# ---------------------------------------------------------------- tampering


def placed(entries: list[Kept]) -> list[Kept]:
    return [evolve(kept, index=index) for index, kept in enumerate(entries)]


def changed(kept: Kept) -> Kept:
    return spoilt(kept, b'"pia"', b'"gil"')


@given(parsers.parse("somebody alters the text of entry {n:d}"))
def _(desk: Any, n: int) -> None:
    desk.audit.kept[n] = changed(desk.audit.kept[n])


@given(parsers.parse("somebody alters entry {n:d} and its hash"))
def _(desk: Any, n: int) -> None:
    false = changed(desk.audit.kept[n])
    desk.audit.kept[n] = evolve(false, leaf=leaf_hash(false.body))


@given(parsers.parse("somebody removes entry {n:d}"))
def _(desk: Any, n: int) -> None:
    del desk.audit.kept[n]


@given(parsers.parse("somebody removes entry {n:d} and closes the gap"))
def _(desk: Any, n: int) -> None:
    del desk.audit.kept[n]
    desk.audit.kept = placed(desk.audit.kept)


@given(parsers.parse("somebody puts an entry in before entry {n:d}"))
def _(desk: Any, n: int) -> None:
    false = changed(desk.audit.kept[n])
    desk.audit.kept.insert(n, evolve(false, leaf=leaf_hash(false.body)))
    desk.audit.kept = placed(desk.audit.kept)


@given(parsers.parse("somebody lets entries {n:d} and {m:d} change places"))
def _(desk: Any, n: int, m: int) -> None:
    kept = desk.audit.kept
    kept[n], kept[m] = kept[m], kept[n]
    desk.audit.kept = placed(kept)


@given(parsers.parse("somebody writes everything anew from entry {n:d} on"))
def _(desk: Any, n: int) -> None:
    edge, anew = Frontier(), []
    for kept in desk.audit.kept:
        body = changed(kept).body if kept.index == n else kept.body
        edge.add(leaf_hash(body))
        anew.append(Kept(kept.index, body, leaf_hash(body), edge.root()))
    desk.audit.kept = anew


@given(parsers.parse("somebody cuts off what follows entry {n:d}"))
def _(desk: Any, n: int) -> None:
    del desk.audit.kept[n + 1 :]


@given("somebody publishes a checkpoint with another signature")
def _(desk: Any) -> None:
    text = checkpoint_text(TreeHead(2, bytes(32)))
    desk.book.add(MacSigner(b"another").sign(text))


@when("the audit log is checked")
def _(desk: Any) -> None:
    desk.attempt(desk.verify.run)


@then("everything is as it was written")
def _(desk: Any) -> None:
    assert desk.granted().whole


@then(parsers.parse('it is found that "{found}"'))
def _(desk: Any, found: str) -> None:
    first, *_ = desk.granted().troubles
    assert str(first).startswith(f"{found}:")


@then(parsers.parse("the checkpoints speak for {covered:d} of {size:d} entries"))
def _(desk: Any, covered: int, size: int) -> None:
    assert (desk.granted().covered, desk.granted().head.size) == (covered, size)


# ---------------------------------------------------------------- proofs


@when(parsers.parse("the proof of entry {n:d} is asked for"))
def _(desk: Any, n: int) -> None:
    desk.attempt(lambda: desk.audit.inclusion(n, desk.audit.head().size))


@then(parsers.parse("it shows that entry {n:d} is in the log"))
def _(desk: Any, n: int) -> None:
    assert included(desk.audit.kept[n].leaf, n, desk.audit.head(), desk.granted())


@then(parsers.parse("it does not show that entry {n:d} is in the log"))
def _(desk: Any, n: int) -> None:
    assert not included(desk.audit.kept[n].leaf, n, desk.audit.head(), desk.granted())


@when(parsers.parse("the proof that {second:d} entries grew from {first:d} is asked for"))
def _(desk: Any, first: int, second: int) -> None:
    desk.attempt(lambda: (first, second, desk.audit.consistency(first, second)))


@then("it shows that nothing was changed in between")
def _(desk: Any) -> None:
    first, second, proof = desk.granted()
    heads = [TreeHead(n, desk.audit.kept[n - 1].root) for n in (first, second)]
    assert consistent(*heads, proof)

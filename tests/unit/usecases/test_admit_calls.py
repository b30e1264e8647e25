"""Who is let in, what is written down before and after, and why somebody was refused."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import define, field

from carbon254.core.domain.audit import AuditEntry
from carbon254.core.domain.entitlements import HOUSE, OWNER, Principal, Selection
from carbon254.core.domain.errors import (
    AuditUnavailable,
    Conflict,
    InvalidRequest,
    NotEntitled,
    NotFound,
    Unauthenticated,
)
from carbon254.core.domain.series import SeriesId
from carbon254.core.usecases.admit_calls import AdmitCalls
from carbon254.core.usecases.explain_decisions import ExplainDecisions
from carbon254.core.usecases.manage_keys import LIFE, ManageKeys
from carbon254.core.usecases.publish_checkpoint import PublishCheckpoint
from carbon254.core.usecases.verify_audit import VerifyAudit
from carbon254.ports.audit import AuditQuestion
from carbon254.ports.testing.audit import NOON, entry
from carbon254.ports.testing.fakes.audit import MacSigner, MemoryAuditLog, MemoryCheckpoints, spoilt
from carbon254.ports.testing.fakes.clock import PinnedClock
from carbon254.ports.testing.fakes.identity import MemoryKeyStore
from carbon254.ports.testing.fakes.policy import LinesPolicy

HUB = SeriesId.parse("caiso/day_ahead/price/hub/TH_NP15_GEN-APND")
NODE = SeriesId.parse("caiso/day_ahead/price/node/ACCORD_1_N001")
PJM = SeriesId.parse("pjm/day_ahead/price/hub/51217")
EUA = SeriesId.parse("eu_ets/auction-eua/price/platform/EU")
LINES = """
p, admin, *, *, *, *, *, *, *, allow
p, analyst, *, read, *, *, *, *, *, allow
p, analyst, *, export, *, *, *, *, *, allow
p, analyst, *, stream, *, *, *, *, *, allow
p, pilot, *, read, caiso, *, *, hub, *, allow
p, pilot, globex, read, caiso, *, *, *, *, deny
p, auditor, *, audit, *, *, *, *, *, allow
"""
CARDS = {
    name: SimpleNamespace(id=name, redistribution=word)
    for name, word in (("caiso", "attribution"), ("pjm", "forbidden"), ("eu_ets", "internal"))
}


@define
class House:
    """Everything that admits calls, over fakes."""

    keys: MemoryKeyStore = field(factory=MemoryKeyStore)
    policy: LinesPolicy = field(factory=lambda: LinesPolicy(LINES))
    audit: MemoryAuditLog = field(factory=MemoryAuditLog)
    clock: PinnedClock = field(factory=lambda: PinnedClock(NOON))
    told: list[tuple[str, dict[str, object]]] = field(factory=list)
    _ids: Iterator[int] = field(factory=count)

    @property
    def admit(self) -> AdmitCalls:
        return AdmitCalls(
            self.keys, self.policy, self.audit, self.clock, lambda: CARDS,  # type: ignore[arg-type,return-value]
            lambda: f"id{next(self._ids)}", lambda secret: f"masked {len(secret)}",
            lambda event, **facts: self.told.append((event, facts)),
        )  # fmt: skip

    @property
    def manage(self) -> ManageKeys:
        return ManageKeys(self.admit)

    @property
    def decisions(self) -> ExplainDecisions:
        return ExplainDecisions(self.audit, self.policy)

    def entries(self) -> list[AuditEntry]:
        return [kept.entry for kept in self.audit.entries(AuditQuestion())]

    def call(self, who: Principal, action: str = "read", target: str = "GET /v1/x") -> Any:
        return self.admit.call(
            who, action, target, door="rest", request_id="r1", trace="00-ab-cd-01"
        )


@pytest.fixture
def house() -> House:
    return House()


def someone(role: str, tenant: str = "acme", name: str = "bob") -> Principal:
    return Principal(name, tenant, (role,), "0123456789ab")


# ---------------------------------------------------------------- keys


def test_a_key_speaks_for_whom_it_was_made_for(house: House) -> None:
    made = house.manage.create("pilot", "bob", tenant="acme")
    assert made.token.startswith(f"c254_{made.key.id}_")
    assert house.admit.authenticate(made.token) == Principal("bob", "acme", ("pilot",), made.key.id)
    assert made.key.expires_at == NOON + LIFE


def test_the_secret_is_kept_nowhere(house: House) -> None:
    made = house.manage.create("pilot", "bob")
    secret = made.token.rpartition("_")[2]
    held = [repr(house.keys.all()), repr(house.audit.kept), repr(house.told), repr(made)]
    assert not any(secret in text for text in held)
    assert len(secret) == 64


def test_two_keys_of_a_principal_work_side_by_side_and_a_third_is_refused(house: House) -> None:
    one, other = (house.manage.create("pilot", "bob") for _ in range(2))
    for made in (one, other):
        assert house.admit.authenticate(made.token).key == made.key.id
    with pytest.raises(Conflict):
        house.manage.create("pilot", "bob")
    house.manage.revoke(one.key.id)
    third = house.manage.create("pilot", "bob")
    assert house.admit.authenticate(third.token).key == third.key.id


def test_a_replaced_key_works_until_it_is_replaced_again(house: House) -> None:
    made = []
    for _ in range(3):
        made.append(house.manage.replace("pilot", "bob"))
        house.clock.move(timedelta(seconds=1))
    one, two, three = made
    for key in (two, three):
        assert house.admit.authenticate(key.token).name == "bob"
    with pytest.raises(Unauthenticated):
        house.admit.authenticate(one.token)


def test_a_revoked_key_is_refused_at_the_very_next_call(house: House) -> None:
    made = house.manage.create("pilot", "bob")
    house.admit.authenticate(made.token)
    house.manage.revoke(made.key.id)
    with pytest.raises(Unauthenticated, match="was revoked"):
        house.admit.authenticate(made.token)


def test_a_key_expires(house: House) -> None:
    made = house.manage.create("pilot", "bob", life=timedelta(hours=1))
    house.clock.move(timedelta(hours=1) - timedelta(microseconds=1))
    house.admit.authenticate(made.token)
    house.clock.move(timedelta(microseconds=1))
    with pytest.raises(Unauthenticated, match="has expired"):
        house.admit.authenticate(made.token)


def test_an_unknown_key_and_a_wrong_secret_look_the_same(house: House) -> None:
    ended, made = (house.manage.create("pilot", "bob") for _ in range(2))
    house.manage.revoke(ended.key.id)
    wrong = [
        made.token[:-1] + ("0" if made.token[-1] != "0" else "1"),
        ended.token[:-1] + ("0" if ended.token[-1] != "0" else "1"),
        made.token[:-64] + ended.token[-64:],
        f"c254_{'0' * 12}_{'0' * 64}",
        made.token.upper(),
        f"{made.token}\n",
        made.key.digest,
        "Bearer",
        "c254_é_x",
        "\udcff",
    ]
    told = set()
    for token in wrong:
        with pytest.raises(Unauthenticated) as refused:
            house.admit.authenticate(token)
        told.add(str(refused.value))
        assert token not in str(refused.value)
    assert len(told) == 1
    for nothing in (None, ""):
        with pytest.raises(Unauthenticated, match="an API key is needed"):
            house.admit.authenticate(nothing)


def test_a_wrong_use_of_a_known_key_is_audited_without_its_secret(house: House) -> None:
    made = house.manage.create("pilot", "bob")
    before = len(house.entries())
    wrong = made.token[:-1] + ("0" if made.token[-1] != "0" else "1")
    with pytest.raises(Unauthenticated):
        house.admit.authenticate(wrong, door="rest", target="GET /v1/x", request_id="r9")
    (told,) = house.entries()[before:]
    assert (told.kind, told.outcome, told.key) == ("refused", "unauthenticated", made.key.id)
    assert told.facts == {"why": "wrong", "secret": f"masked {len(wrong)}"}
    assert (told.door, told.target, told.request_id) == ("rest", "GET /v1/x", "r9")


def test_a_key_that_somebody_put_into_an_address_is_masked(house: House) -> None:
    made = house.manage.create("pilot", "bob")
    with house.call(someone("pilot"), target=f"GET /v1/x?api_key={made.token}&a=1"):
        pass
    wrong = made.token[:-1] + ("0" if made.token[-1] != "0" else "1")
    with pytest.raises(Unauthenticated):
        house.admit.authenticate(wrong, target=f"GET /v1/x?api_key={wrong}")
    told = [one.target for one in house.entries()[-3:]]
    assert told == [f"GET /v1/x?api_key=c254_{made.key.id}_masked 82&a=1"] * 2 + [
        f"GET /v1/x?api_key=c254_{made.key.id}_masked 82"
    ]
    assert made.token[-64:-1] not in repr((house.audit.kept, house.told))


def test_strangers_cannot_fill_the_audit_log(house: House) -> None:
    for number in range(3):
        with pytest.raises(Unauthenticated):
            house.admit.authenticate(f"c254_{number:012x}_{'0' * 64}")
    assert house.entries() == []
    assert [facts["why"] for _, facts in house.told] == ["unknown"] * 3


@pytest.mark.parametrize(
    ("role", "name", "tenant", "life"),
    [
        ("king", "bob", "acme", LIFE), ("owner", "bob", "acme", LIFE), ("*", "bob", "acme", LIFE),
        ("pilot", "Bob Smith", "acme", LIFE), ("pilot", "", "acme", LIFE), ("pilot", "bob", "a/b", LIFE),
        ("pilot", "bob", "*", LIFE), ("pilot", "x" * 65, "acme", LIFE), ("pilot", "bob", "acme", timedelta(0)),
        ("pilot", "bob", "acme", timedelta(days=-1)), ("pilot", "bob", "acme", timedelta(days=4000)),
    ],
)  # fmt: skip
def test_a_key_that_makes_no_sense_is_refused(
    house: House, role: str, name: str, tenant: str, life: timedelta
) -> None:
    with pytest.raises(InvalidRequest):
        house.manage.create(role, name, tenant=tenant, life=life)
    assert list(house.keys.all()) == []
    assert [told.outcome for told in house.entries()] == ["", "invalid_request"]


def test_only_who_may_administer_makes_and_ends_keys(house: House) -> None:
    made = house.manage.create("pilot", "bob", by=someone("admin"), door="rest", request_id="r1")
    for do in (
        lambda who: house.manage.create("admin", "eve", by=who),
        lambda who: house.manage.revoke(made.key.id, by=who), lambda who: house.manage.list(by=who),
    ):  # fmt: skip
        for role in ("analyst", "pilot", "auditor"):
            with pytest.raises(NotEntitled):
                do(someone(role))
    assert list(house.keys.all()) == [made.key]
    assert list(house.manage.list(by=someone("admin"))) == [made.key]
    with pytest.raises(NotFound):
        house.manage.revoke("nothing")


# ---------------------------------------------------------------- calls


def test_a_call_is_written_down_before_and_after(house: House) -> None:
    with house.call(someone("pilot")) as call:
        assert [told.kind for told in house.entries()] == ["started"]
        call.facts["rows"] = 24
        house.clock.move(timedelta(seconds=2))
    started, finished = house.entries()
    assert (started.kind, started.at, started.outcome, started.facts) == ("started", NOON, "", {})
    assert (finished.kind, finished.outcome, finished.facts) == ("finished", "ok", {"rows": 24})
    assert finished.at == NOON + timedelta(seconds=2)
    for told in (started, finished):
        assert (told.call, told.principal, told.tenant, told.key) == (
            call.id,
            "bob",
            "acme",
            "0123456789ab",
        )
        assert (told.action, told.target, told.door) == ("read", "GET /v1/x", "rest")
        assert (told.request_id, told.trace, told.roles) == ("r1", "00-ab-cd-01", ("pilot",))


def test_without_an_audit_nothing_happens(house: House) -> None:
    house.audit.full = True
    happened = False
    with pytest.raises(AuditUnavailable), house.call(someone("pilot")):
        happened = True
    assert not happened


def test_an_end_that_cannot_be_written_is_an_error_to_the_caller(house: House) -> None:
    with pytest.raises(AuditUnavailable), house.call(someone("admin"), "administer"):
        house.audit.full = True
    house.audit.full = False
    call = house.call(someone("pilot")).__enter__()
    house.audit.full = True
    with pytest.raises(AuditUnavailable):
        call.__exit__(NotEntitled, NotEntitled("no", series=str(NODE)), None)


def test_an_error_is_written_down_by_its_code(house: House) -> None:
    with pytest.raises(NotFound), house.call(someone("pilot")):
        raise NotFound("no such")
    with pytest.raises(ZeroDivisionError), house.call(someone("pilot")):
        raise ZeroDivisionError
    assert [told.outcome for told in house.entries()] == ["", "not_found", "", "internal"]


def test_a_scope_is_that_of_the_role_and_the_action(house: House) -> None:
    with house.call(someone("pilot")) as call:
        assert call.scope.filter([HUB, NODE, PJM]) == [HUB]
    with house.call(someone("auditor")) as call:  # reading is entered, and shows nothing
        assert call.scope.filter([HUB, NODE, PJM]) == []
    with house.call(OWNER, "administer") as call:
        assert call.scope.allows(PJM)


@pytest.mark.parametrize(("tenant", "seen"), [("acme", [HUB, NODE]), (HOUSE, [HUB, NODE, EUA])])
@pytest.mark.parametrize("action", ["export", "stream"])
def test_what_a_card_keeps_inside_is_neither_exported_nor_streamed(
    house: House, tenant: str, seen: list[SeriesId], action: str
) -> None:
    who = someone("analyst", tenant)
    with house.call(who, action) as call:
        assert call.scope.filter([HUB, NODE, PJM, EUA]) == seen
    with house.call(who) as call:
        assert call.scope.filter([HUB, NODE, PJM, EUA]) == [HUB, NODE, PJM, EUA]
    with pytest.raises(NotEntitled) as refused, house.call(who, action) as call:
        call.scope.restrict(Selection([PJM]))
    told = house.decisions.run(refused.value.decision, who)
    assert told.reason == 'the card of pjm: redistribution = "forbidden"'


# ---------------------------------------------------------------- refusals


def refused(house: House, who: Principal, action: str = "read", series: SeriesId = NODE) -> str:
    with pytest.raises(NotEntitled) as error, house.call(who, action) as call:
        call.scope.restrict(Selection([series]))
    assert error.value.decision
    return error.value.decision


def test_a_refusal_can_be_explained_by_its_id(house: House) -> None:
    who = someone("pilot")
    told = house.decisions.run(refused(house, who), who)
    assert (told.principal, told.tenant, told.roles) == ("bob", "acme", ("pilot",))
    assert (told.action, told.target, told.series) == ("read", "GET /v1/x", str(NODE))
    assert (told.code, told.at, told.request_id) == ("not_entitled", NOON, "r1")
    assert told.reason == "no line of the policy allows it"
    assert told.changed_by == "an administrator of tenant acme"


def test_a_deny_is_explained_by_its_line(house: House) -> None:
    who = someone("pilot", "globex")
    told = house.decisions.run(refused(house, who, series=HUB), who)
    assert told.reason == "lines, line 7: p, pilot, globex, read, caiso, *, *, *, *, deny"


@pytest.mark.parametrize(("role", "action"), [
    ("pilot", "export"), ("pilot", "stream"), ("pilot", "audit"), ("pilot", "administer"), ("analyst", "audit"),
    ("analyst", "administer"), ("auditor", "export"), ("auditor", "administer"),
])  # fmt: skip
def test_what_a_role_may_not_do_at_all_is_refused_at_the_door(
    house: House, role: str, action: str
) -> None:
    entered = False
    with pytest.raises(NotEntitled) as error, house.call(someone(role), action):
        entered = True
    assert not entered
    assert [told.outcome for told in house.entries()] == ["", "not_entitled"]
    assert house.decisions.run(error.value.decision, someone(role)).series == ""


def test_decisions_are_read_by_their_principal_and_by_auditors(house: House) -> None:
    decision = refused(house, someone("pilot"))
    for may in (
        someone("pilot"), someone("analyst"), someone("auditor", name="ann"), someone("auditor", HOUSE, "eve"), OWNER,
        someone("admin", name="root"),
    ):  # fmt: skip
        assert house.decisions.run(decision, may).id == decision
    for may_not in (
        someone("pilot", name="eve"), someone("analyst", name="eve"), someone("auditor", "globex", "eve"),
        someone("pilot", "globex"),
    ):  # fmt: skip
        with pytest.raises(NotFound, match="no decision"):
            house.decisions.run(decision, may_not)
    with pytest.raises(NotFound, match="no decision"):
        house.decisions.run("never", someone("pilot"))


def test_entries_are_read_by_auditors_of_their_tenant(house: House) -> None:
    for tenant in ("acme", "globex", HOUSE):
        with house.call(someone("analyst", tenant)):
            pass

    def seen(who: Principal, **question: Any) -> list[str]:
        found = house.decisions.entries(AuditQuestion(**question), who)
        return [kept.entry.tenant for kept in found]

    assert seen(someone("auditor")) == ["acme"] * 2
    assert seen(someone("auditor"), tenant="globex") == []
    assert set(seen(someone("auditor", HOUSE))) == {"acme", "globex", HOUSE}
    assert seen(OWNER, tenant="globex") == ["globex"] * 2
    for role in ("analyst", "pilot"):
        with pytest.raises(NotEntitled):
            seen(someone(role))


def test_a_changed_policy_is_in_force_at_the_next_call(house: House) -> None:
    with house.call(someone("pilot")) as call:
        assert call.scope.allows(HUB)
    house.policy.text += "p, pilot, acme, read, *, *, *, *, *, deny\n"
    with house.call(someone("pilot")) as call:
        assert not call.scope.allows(HUB)


def test_a_line_of_the_operators_log_has_every_id(house: House) -> None:
    decision = refused(house, someone("pilot"))
    event, facts = house.told[-1]
    assert event == "call finished"
    assert facts == {
        "call": house.entries()[-1].call, "request": "r1", "trace": "00-ab-cd-01", "door": "rest", "principal": "bob",
        "tenant": "acme", "action": "read", "target": "GET /v1/x", "outcome": "not_entitled", "decision": decision,
    }  # fmt: skip


# ---------------------------------------------------------------- checkpoints


def test_a_head_is_published_once_and_covers_what_was_written(house: House) -> None:
    book, signer, heard = MemoryCheckpoints(), MacSigner(), list[Any]()
    publish = PublishCheckpoint(house.audit, book, signer, house.clock, heard.append)
    verify = VerifyAudit(house.audit, book, signer)
    assert publish.run() is None
    house.audit.append(entry())
    note = publish.run()
    assert note is not None
    assert book.notes == [note]
    assert publish.run() is None
    assert [(one["type"], one["size"], one["note"]) for one in heard] == [
        ("AuditCheckpointed", 1, note)
    ]
    house.audit.append(entry(1))
    found = verify.run()
    assert (found.whole, found.head.size, found.checkpoints, found.covered) == (True, 2, 1, 1)


def test_a_head_is_published_with_a_new_key_after_the_old_one_was_lost(house: House) -> None:
    book = MemoryCheckpoints()
    house.audit.append(entry())
    for secret in (b"one", b"two"):
        signer = MacSigner(secret)
        note = PublishCheckpoint(house.audit, book, signer, house.clock, lambda _: None).run()
        assert note == book.notes[-1]
        assert signer.read(book.notes[-1]).startswith("carbon254-audit\n1\n")
    assert [one.what for one in VerifyAudit(house.audit, book, signer).run().troubles] == ["forged"]


def test_what_was_spoilt_is_found_and_named(house: House) -> None:
    book, signer = MemoryCheckpoints(), MacSigner()
    publish = PublishCheckpoint(house.audit, book, signer, house.clock, lambda _: None)
    for number in range(3):
        house.audit.append(entry(number))
    publish.run()
    kept = house.audit.kept
    house.audit.kept = [kept[0], spoilt(kept[1], b"alice", b"carol"), kept[2]]
    found = VerifyAudit(house.audit, book, signer).run()
    assert [str(one) for one in found.troubles] == [
        "altered: entry 1: its text is not the one that was hashed"
    ]
    house.audit.kept = kept[:2]
    (cut,) = VerifyAudit(house.audit, book, signer).run().troubles
    assert (cut.what, cut.first, cut.last) == ("truncated", 2, 2)
    house.audit.kept = kept
    book.notes = [MacSigner(b"another").sign("carbon254-audit\n3\nAAAA\n")]
    (forged,) = VerifyAudit(house.audit, book, signer).run().troubles
    assert forged.what == "forged"


def test_a_checkpoint_that_was_kept_elsewhere_speaks_too(house: House) -> None:
    book, signer = MemoryCheckpoints(), MacSigner()
    for number in range(3):
        house.audit.append(entry(number))
    note = PublishCheckpoint(house.audit, book, signer, house.clock, lambda _: None).run()
    assert note is not None
    house.audit.kept.clear()
    for number in range(3):
        house.audit.append(entry(number, principal="carol"))
    book.notes.clear()
    verify = VerifyAudit(house.audit, book, signer)
    assert verify.run().whole
    assert [one.what for one in verify.run([note]).troubles] == ["rewritten"]

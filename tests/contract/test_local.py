"""The local socket: calls of the same user, several at once, output by call, and callers that leave."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import typer

from carbon254.adapters.cli import calls
from carbon254.adapters.local import address, frames
from carbon254.adapters.local.client import connect, forward
from carbon254.adapters.local.server import Call, LocalServer
from carbon254.core.domain.errors import StoreUnavailable

LONG = 30.0
FACTS = {"terminals": [False, False], "columns": 80, "colour": False, "version": "1"}


@contextmanager
def listening(folder: Path, run: Callable[[Call], int]) -> Iterator[LocalServer]:
    server, stop = LocalServer(folder, run), threading.Event()
    thread = threading.Thread(target=server.serve, args=(stop,))
    thread.start()
    try:
        while not (folder / address.NAME).exists():
            assert thread.is_alive()
        while (early := connect(folder)) is None:  # it has its name before it listens
            assert thread.is_alive()
        early.close()
        yield server
    finally:
        stop.set()
        thread.join(LONG)
        assert not thread.is_alive()


def say(connection: socket.socket, *arguments: str, **facts: Any) -> None:
    call = {"arguments": list(arguments), "folder": os.fspath(Path.cwd()), **FACTS, **facts}
    frames.send_json(connection, frames.CALL, call)


def hear(connection: socket.socket) -> tuple[int, bytes, bytes]:
    """What a call printed, and its status."""
    out = {frames.OUT: b"", frames.ERR: b""}
    while True:
        letter, body = frames.receive(connection)
        if letter == frames.EXIT:
            return json.loads(body), out[frames.OUT], out[frames.ERR]
        out[letter] += body


def ask(folder: Path, /, *arguments: str, **facts: Any) -> tuple[int, bytes, bytes]:
    connection = connect(folder)
    assert connection is not None
    with connection:
        say(connection, *arguments, **facts)
        return hear(connection)


def printing(call: Call) -> int:
    """A command that prints its arguments, as ours do."""

    def run(words: list[str]) -> int:
        typer.echo(" ".join(words))
        typer.echo(f"of {call.folder}", err=True)
        return len(words)

    return calls.run_call(call, run)


@pytest.fixture(autouse=True)
def own_streams() -> Iterator[None]:
    """The streams of the process are put back after a test that routed them."""
    before = sys.stdout, sys.stderr
    yield
    sys.stdout, sys.stderr = before


def test_a_call_is_answered_with_its_output_and_status(tmp_path: Path) -> None:
    with listening(tmp_path, printing):
        status, out, err = ask(tmp_path, "series", "find", "é")
    assert (status, out.decode(), err.decode()) == (3, "series find é\n", f"of {Path.cwd()}\n")


def test_it_is_the_owners_alone_and_goes_away_with_the_process(tmp_path: Path) -> None:
    with listening(tmp_path, printing):
        mode = (tmp_path / address.NAME).stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
    assert not (tmp_path / address.NAME).exists()
    assert connect(tmp_path) is None


def test_another_user_is_not_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger_id = os.geteuid() + 1
    monkeypatch.setattr("carbon254.adapters.local.server.peer", lambda connection: stranger_id)
    with listening(tmp_path, printing), socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(str(tmp_path / address.NAME))
        with contextlib.suppress(ConnectionError):  # the server may have hung up already
            say(stranger, "series")
        with pytest.raises((EOFError, ConnectionError)):
            hear(stranger)


def test_another_users_server_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(tmp_path, printing):
        monkeypatch.setattr(
            "carbon254.adapters.local.client.peer", lambda connection: os.geteuid() + 1
        )
        assert connect(tmp_path) is None


def test_no_socket_is_opened_where_everybody_may_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(StoreUnavailable, match="chmod"):
        LocalServer(tmp_path, printing).serve(threading.Event())


def test_a_socket_that_a_crash_left_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / address.NAME))
    assert connect(tmp_path) is None
    with listening(tmp_path, printing):
        assert ask(tmp_path, "a")[0] == 1


def test_folders_with_long_names_work(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30) / "données"
    folder.mkdir(parents=True)
    assert len(os.fsencode(folder)) > 130
    with listening(folder, printing):
        assert ask(folder, "a", "b")[:2] == (2, b"a b\n")


def test_many_at_once_each_get_their_own(tmp_path: Path) -> None:
    together = threading.Barrier(8)

    def run(call: Call) -> int:
        def command(words: list[str]) -> int:
            for n in range(50):
                if n == 0:
                    together.wait(LONG)
                typer.echo(f"{words[0]} {n}")
            return int(words[0])

        return calls.run_call(call, command)

    heard: dict[int, Any] = {}

    def one(number: int) -> None:
        heard[number] = ask(tmp_path, str(number))

    with listening(tmp_path, run):
        threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
    for number in range(8):
        want = "".join(f"{number} {n}\n" for n in range(50)).encode()
        assert heard[number] == (number, want, b"")


def test_bytes_and_text_keep_their_order_and_long_output_arrives_whole(tmp_path: Path) -> None:
    body = os.urandom(3 * frames.LONGEST + 17)

    def run(call: Call) -> int:
        def command(words: list[str]) -> int:
            sys.stdout.write("head\n")
            sys.stdout.flush()
            sys.stdout.buffer.write(body)
            sys.stdout.buffer.flush()
            return 0

        return calls.run_call(call, command)

    with listening(tmp_path, run):
        assert ask(tmp_path)[:2] == (0, b"head\n" + body)


def test_a_caller_that_is_interrupted_ends_its_command_at_the_next_output(tmp_path: Path) -> None:
    ended, seen = threading.Event(), []

    def run(call: Call) -> int:
        def command(words: list[str]) -> int:
            try:
                while True:
                    typer.echo("more")
                    seen.append(calls.interrupted())
            finally:
                ended.set()

        return calls.run_call(call, command)

    with listening(tmp_path, run):
        connection = connect(tmp_path)
        assert connection is not None
        with connection:
            say(connection)
            frames.receive(connection)
            frames.send(connection, frames.LEFT)
            with suppress(
                EOFError, ConnectionError
            ):  # what is printed until then must not fill the socket
                hear(connection)
            assert ended.wait(LONG)
    assert seen.count(True) <= 1


def test_ctrl_c_leaves_at_once_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(connection: socket.socket) -> Any:
        raise KeyboardInterrupt

    ours, theirs = socket.socketpair()
    with monkeypatch.context() as patch:
        patch.setattr(frames, "receive", interrupt)
        assert forward(ours, ["x"], FACTS) == 130
    assert "interrupted" in capsys.readouterr().err
    with theirs:
        assert [frames.receive(theirs)[0] for _ in range(2)] == [frames.CALL, frames.LEFT]


def test_an_owner_that_ends_in_the_middle_is_said_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = socket.socketpair()
    frames.send(theirs, frames.ERR, b"half\n")
    theirs.shutdown(socket.SHUT_WR)
    capsys.readouterr()
    status = forward(ours, ["x"], FACTS)
    theirs.close()
    assert status == StoreUnavailable.exit_status
    assert "store_unavailable" in capsys.readouterr().err


def test_an_owner_that_ends_before_it_answers_is_no_owner() -> None:
    ours, theirs = socket.socketpair()
    theirs.shutdown(socket.SHUT_WR)
    assert forward(ours, ["x"], FACTS) is None
    theirs.close()


@pytest.mark.parametrize(
    "noise", [b"GET / HTTP/1.1\r\n\r\n", b"c\xff\xff\xff\xff", b"c\0\0\0\2{}", b""]
)
def test_noise_is_not_run(tmp_path: Path, noise: bytes) -> None:
    ran: list[Call] = []

    def run(call: Call) -> int:
        ran.append(call)
        return 0

    with listening(tmp_path, run), socket.socket(socket.AF_UNIX) as noisy:
        noisy.connect(str(tmp_path / address.NAME))
        noisy.sendall(noise)
        noisy.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            assert noisy.recv(1) == b""
    assert ran == []


def test_a_command_is_drawn_for_the_callers_terminal(tmp_path: Path) -> None:
    from carbon254.adapters.cli.tables import in_colour, width_of

    def run(call: Call) -> int:
        def command(words: list[str]) -> int:
            told = [width_of(sys.stdout), in_colour(sys.stdout)]
            told += [sys.stdout.isatty(), sys.stderr.isatty()]
            typer.echo(" ".join(map(str, told)))
            return 0

        return calls.run_call(call, command)

    with listening(tmp_path, run):
        wide = ask(tmp_path, terminals=[True, False], columns=132, colour=True)
        plain = ask(tmp_path, terminals=[False, False], columns=None)
    assert wide[1] == b"132 True True False\n"
    assert plain[1].split()[1:] == [b"False", b"False", b"False"]


def test_paths_start_where_the_caller_stands(tmp_path: Path) -> None:
    heard: list[Any] = []

    def run(call: Call) -> int:
        def command(words: list[str]) -> int:
            heard.append(calls.from_caller([Path("a.csv"), Path("/b.csv"), "text"]))
            return 0

        return calls.run_call(call, command)

    with listening(tmp_path, run):
        ask(tmp_path, folder="/somewhere")
    assert heard == [[Path("/somewhere/a.csv"), Path("/b.csv"), "text"]]
    assert calls.from_caller(Path("a.csv")) == Path("a.csv")


def test_work_in_threads_of_its_own_prints_to_the_caller(tmp_path: Path) -> None:
    def run(call: Call) -> int:
        def command(words: list[str]) -> int:
            bound = calls.stream(sys.stderr)
            thread = threading.Thread(target=bound.write, args=("bar",))
            thread.start()
            thread.join(LONG)
            return 0

        return calls.run_call(call, command)

    with listening(tmp_path, run):
        assert ask(tmp_path) == (0, b"", b"bar")
    assert calls.stream(own := io.StringIO()) is own

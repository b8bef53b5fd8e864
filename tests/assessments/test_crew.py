"""The children are real processes here, hostile ones among them: whatever they do, one sentence comes back and nothing lingers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assessments import child as child_module
from assessments.child import Child
from assessments.crew import Crew
from assessments.errors import ChildRefused, ChildStopped, ChildTooSlow, NotRun
from assessments.isolation import Isolation

# What holds without a sandbox holds within one too; what only the sandbox adds is in test_isolation.py.
LIMITS = Isolation("limits", "")
CHECKOUT = Path(__file__).resolve().parents[2]
Start = Callable[[str], Child]
# What a child may know: where Python and its own folder are, and how many threads it may use.
ENVIRONMENT = {
    "PYTHONPATH", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", "PATH", "HOME", "TMPDIR", "LANG", "CHILD_MEMORY", "CHILD_WALLED",
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT", "CHILD_GPU", "CUDA_VISIBLE_DEVICES",
}  # fmt: skip
# The loop of the real children around handlers that misbehave.
SERVES = """
import os, signal, sys
from assessments.children.loop import serve
from attacks.errors import BudgetTooSmall, TargetProblem
{body}
"""


def child_in(folder: Path) -> Child:
    for part in ("given", "made"):
        (folder / part).mkdir(exist_ok=True)
    return Child("attack", 1, LIMITS, given=folder / "given", made=folder / "made")


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """From now on a child is this program instead of one of ours."""

    def set_program(text: str) -> None:
        path = tmp_path / "program"
        path.write_text(f"#!{real_python}\n{text}")
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))

    real_python = sys.executable
    return set_program


@pytest.fixture
def start(program: Callable[[str], None], tmp_path: Path) -> Iterator[Start]:
    """Start a child that runs the given program; it is stopped afterwards."""
    started = []

    def start_child(text: str) -> Child:
        program(text)
        started.append(child_in(tmp_path))
        return started[-1]

    yield start_child
    for child in started:
        child.stop()


def serving(body: str) -> str:
    return SERVES.format(body=body)


def answering(line: str) -> str:
    """A program that answers every command with one line of its own making."""
    return f"import sys\nfor command in sys.stdin:\n    sys.stdout.buffer.write({line!r}.encode('latin-1') + b'\\n'); sys.stdout.flush()"


def gone(pid: int, within: float = 5.0) -> bool:
    """The process ends in time; one that nobody collected yet counts as ended."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def pid_of(child: Child) -> int:
    return child.pid


@pytest.fixture(scope="module")
def attack_child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """One of our own children, started by a process that holds secrets."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "SECRET_KEY", "AWS_SECRET_ACCESS_KEY", "INVERSIGHT_HOME"):
            patch.setenv(name, "secret-of-the-parent")
        child = child_in(tmp_path_factory.mktemp("child"))
        with pytest.raises(ChildRefused):
            child.ask("load", path="nowhere.skops")
        yield child
        child.stop()


def test_nothing_of_the_parents_environment_reaches_a_child(attack_child: Child) -> None:
    held = Path(f"/proc/{pid_of(attack_child)}/environ").read_bytes().decode()
    assert {entry.split("=", 1)[0] for entry in held.split("\0") if entry} == ENVIRONMENT
    assert "secret" not in held


def test_a_child_holds_no_file_of_its_parent(attack_child: Child) -> None:
    """Standard streams, and nothing else that the parent had open."""
    with Path(__file__).open() as secret:
        assert secret.fileno() > 2
        child = child_in(Path(f"/proc/{pid_of(attack_child)}/cwd").resolve().parent)
        try:
            held = [os.readlink(entry) for entry in Path(f"/proc/{pid_of(child)}/fd").iterdir()]
        finally:
            child.stop()
    assert str(Path(__file__)) not in held


def test_a_child_is_limited_in_memory_files_and_core_dumps(attack_child: Child) -> None:
    limits = Path(f"/proc/{pid_of(attack_child)}/limits").read_text()
    found = {line[:25].strip(): line[26:].split()[:2] for line in limits.splitlines()[1:]}
    assert found["Max address space"] == [str(16 * 2**30)] * 2
    assert found["Max open files"] == ["256", "256"]
    assert found["Max file size"] == [str(4 * 2**30)] * 2
    assert found["Max core file size"] == ["0", "0"]


def test_a_child_leads_a_process_group_of_its_own(attack_child: Child) -> None:
    assert os.getpgid(pid_of(attack_child)) == pid_of(attack_child) != os.getpgid(0)


def test_a_refusal_of_the_library_comes_back_as_its_sentence(attack_child: Child) -> None:
    with pytest.raises(ChildRefused, match=r"^There is no model file nowhere.skops at the given place\.$"):
        attack_child.ask("load", path="nowhere.skops")


def test_an_error_nobody_foresaw_comes_back_without_a_traceback(attack_child: Child) -> None:
    with pytest.raises(ChildRefused) as refused:
        attack_child.ask("no such command")
    assert str(refused.value).startswith("The model or attack stopped with KeyError")
    assert "Traceback" not in str(refused.value)
    assert attack_child.alive()


def test_children_die_with_their_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import django; django.setup(); import pathlib, time\n"
            "from assessments.crew import Crew; from assessments.isolation import Isolation\n"
            f"crew = Crew(pathlib.Path({str(tmp_path)!r}), 1, Isolation('limits', ''))\n"
            "children = [crew._child(role) for role in ('attack', 'referee')]\n"
            "for child in children:\n"
            "    try: child.ask('no such command')\n"
            "    except Exception: print(child.pid, flush=True)\n"
            "time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], "INVERSIGHT_HOME": str(tmp_path / "home"), "DJANGO_SETTINGS_MODULE": "config.settings"},
        text=True,
    )
    assert parent.stdout is not None
    pids = [int(parent.stdout.readline()) for _ in range(2)]
    assert not any(gone(pid, within=0.1) for pid in pids)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert all(gone(pid) for pid in pids)


def test_what_a_child_started_ends_with_it(start: Start) -> None:
    # Before the filter is loaded a child could start others; once it serves it cannot.
    child = start(
        serving("import subprocess\nheld = subprocess.Popen(['sleep', '60'])\nserve({'pid': lambda progress: {'pid': held.pid}})")
    )
    pid = child.ask("pid")["pid"]
    assert not gone(pid, within=0.1)
    child.stop()
    assert gone(pid)


def test_a_child_that_prints_does_not_break_the_protocol(start: Start) -> None:
    body = (
        "def shout(progress):\n    print('{\"ok\": 1}', flush=True); os.write(1, b'noise\\n'); return {'value': 7}\nserve({'shout': shout})"
    )
    child = start(serving(body))
    assert child.ask("shout") == {"value": 7}
    assert child.ask("shout") == {"value": 7}


def test_progress_is_heard_before_the_reply(start: Start) -> None:
    body = "def work(progress):\n    progress(done=1, steps=2, queries=10); progress(done=2, steps=2, queries=20); return {}\nserve({'work': work})"
    heard: list[dict[str, Any]] = []
    start(serving(body)).ask("work", progress=heard.append)
    assert [told["queries"] for told in heard] == [10, 20]


@pytest.mark.parametrize(
    ("raised", "kind", "sentence"),
    [
        ("TargetProblem('The model returned NaN for 1 record.')", ChildRefused, "The model returned NaN for 1 record."),
        ("BudgetTooSmall('One pass asks more.')", NotRun, "One pass asks more."),
        ("ValueError('first line\\nsecond line')", ChildRefused, "The model or attack stopped with ValueError: first line"),
        ("MemoryError()", ChildRefused, "More than 16 GiB of memory were needed; use fewer records or a smaller model."),
        ("SystemExit(0)", ChildStopped, "The attack process ended with code 0 before it had a result."),
        ("signal.raise_signal(9)", ChildStopped, "The attack process was ended by signal SIGKILL before it had a result."),
        ("signal.raise_signal(40)", ChildStopped, "The attack process was ended by signal 40 before it had a result."),
    ],
)
def test_whatever_a_handler_raises_is_one_sentence(start: Start, raised: str, kind: type[Exception], sentence: str) -> None:
    statement = raised if raised.startswith("signal.") else f"raise {raised}"
    child = start(serving(f"def fail(progress):\n    {statement}\nserve({{'fail': fail}})"))
    with pytest.raises(kind) as refused:
        child.ask("fail")
    assert type(refused.value) is kind
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    "line",
    [
        "hello", "", "[]", "null", '{"nothing": 1}', '{"ok": 5}', '{"ok": null}', '{"ok": ["queries"]}', '{"ok": {"queries": "many"}}',
        '{"ok": {"queries": true}}', '{"ok": {}}', '{"progress": {"done": "x"}}', '{"progress": 1}', "\xff\xfe\x00", "[" * 200_000,
    ],
    ids=lambda line: line[:24].encode("unicode_escape").decode() or "empty line",
)  # fmt: skip
def test_a_reply_that_is_none_ends_the_child(start: Start, line: str) -> None:
    child = start(answering(line))
    with pytest.raises(ChildStopped) as stopped:
        child.ask("ask", progress=lambda told: None)
    assert str(stopped.value) == "The attack process answered with something that is no reply, and was stopped."
    assert gone(pid_of(child))


def test_an_overlong_reply_is_cut_off(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "LONGEST_LINE", 2**16)
    child = start(serving("serve({'long': lambda progress: {'value': 'x' * 2**20}})"))
    with pytest.raises(ChildStopped, match="no reply"):
        child.ask("long")
    assert gone(pid_of(child))


def test_an_error_of_many_lines_is_made_one_line(start: Start) -> None:
    child = start(answering('{"error": "first\\nsecond\\r\\nthird", "kind": "DataProblem"}'))
    with pytest.raises(ChildRefused, match=r"^first second third$"):
        child.ask("load")


def test_an_error_as_long_as_a_book_is_shortened(start: Start) -> None:
    child = start(
        serving("from attacks.errors import DataProblem\ndef fail(progress):\n    raise DataProblem('x' * 10**6)\nserve({'fail': fail})")
    )
    with pytest.raises(ChildRefused) as refused:
        child.ask("fail")
    assert len(str(refused.value)) <= 1000


def test_a_child_that_takes_too_long_is_stopped(start: Start, settings: Any) -> None:
    settings.LONGEST_ANSWER = 1
    child = start("import time\ntime.sleep(60)")
    with pytest.raises(ChildTooSlow, match=r"^The attack process took longer than 1 seconds and was stopped\.$"):
        child.ask("load")
    assert gone(pid_of(child))
    assert not child.alive()


def test_reporting_progress_without_end_does_not_outlive_the_timeout(start: Start, settings: Any) -> None:
    settings.LONGEST_ANSWER = 0.5
    child = start('import sys\nwhile True:\n    sys.stdout.write(\'{"progress": {"done": 1, "steps": 2, "queries": 3}}\\n\')')
    began = time.monotonic()
    with pytest.raises(ChildStopped, match="longer than"):
        child.ask("ask", progress=lambda told: None)
    assert time.monotonic() - began < 5
    assert gone(pid_of(child))


def test_what_a_child_says_unasked_does_not_pile_up(start: Start) -> None:
    child = start("import sys\nwhile True:\n    sys.stdout.write('x' * 1000 + '\\n')")
    time.sleep(0.5)
    assert child._lines.qsize() <= child_module.MOST_WAITING


def test_a_child_that_closes_its_output_and_lives_on_is_stopped(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "LAST_MOMENTS", 0.2)
    child = start("import os, time\nos.close(1)\ntime.sleep(60)")
    with pytest.raises(ChildStopped, match="closed its output"):
        child.ask("load")
    assert gone(pid_of(child))


def test_a_stopped_child_answers_every_question_with_the_same_sentence(start: Start) -> None:
    child = start(serving("serve({'load': lambda progress: {}})"))
    child.stop()
    child.stop()
    for _ in range(2):
        with pytest.raises(ChildStopped, match="The attack process was stopped"):
            child.ask("load")


REMEMBERS = serving(
    "held = []\n"
    "def load(progress, path):\n"
    "    held.append(path)\n"
    "    return {'format': 'skops', 'algorithm': '', 'classes': [], 'inputs': [], 'access': 'label', 'refuses': {}}\n"
    "serve({'load': load, 'held': lambda progress: {'held': held, 'pid': os.getpid()}})"
)


def test_a_child_that_died_is_replaced_and_given_its_model_again(program: Callable[[str], None], tmp_path: Path) -> None:
    program(REMEMBERS)
    with Crew(tmp_path, 1, LIMITS) as crew:
        crew.opened("attack", "load", path="a.skops")
        first = crew.ask("attack", "held")
        os.kill(first["pid"], signal.SIGKILL)
        assert gone(first["pid"])
        second = crew.ask("attack", "held")
        assert second["pid"] != first["pid"]
        assert second["held"] == ["a.skops"]


def test_a_model_is_opened_once_and_another_one_in_its_place(program: Callable[[str], None], tmp_path: Path) -> None:
    program(REMEMBERS)
    with Crew(tmp_path, 1, LIMITS) as crew:
        for path in ("a.skops", "a.skops", "b.skops"):
            crew.opened("attack", "load", path=path)
        assert crew.ask("attack", "held")["held"] == ["a.skops", "b.skops"]


def test_a_child_that_died_is_not_given_what_nobody_wants_any_more(program: Callable[[str], None], tmp_path: Path) -> None:
    program(REMEMBERS)
    with Crew(tmp_path, 1, LIMITS) as crew:
        crew.opened("attack", "load", path="a.skops")
        pid = crew.ask("attack", "held")["pid"]
        os.kill(pid, signal.SIGKILL)
        assert gone(pid)
        crew.opened("attack", "load", path="b.skops")
        assert crew.ask("attack", "held")["held"] == ["b.skops"]


def test_a_crew_leaves_no_process_and_no_file(program: Callable[[str], None], tmp_path: Path) -> None:
    program(REMEMBERS)
    work = tmp_path / "work"
    with Crew(work, 1, LIMITS) as crew:
        pid = crew.ask("attack", "held")["pid"]
        crew.place("referee", "views").mkdir()
        assert work.stat().st_mode & 0o077 == 0
    assert gone(pid)
    assert not any(work.iterdir())

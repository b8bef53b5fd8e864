"""A bad line, a busy server, a restart: the client asks again while that may help, and sends nothing twice that arrived."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from accounts.roles import Role
from client import Problem, Wire, download
from client.download import BUNDLE
from client.files import local
from client.server import Server
from client.upload import PIECE, send
from client.wire import FIRST, LATER
from reports.models import Report
from tests.api.test_api import administered, token
from tests.assessments.cases import home_in
from tests.client.servers import Asked, answering
from tests.engine.engine import free_port
from tests.reports.approved import Case, approved, person


def wire(url: str, secret: str = "inv_x") -> tuple[Wire, list[float]]:
    """A wire, and the pauses it made instead of sleeping."""
    pauses: list[float] = []
    return Wire(Server(url, secret), wait=pauses.append), pauses


def after(times: int, bad: Any) -> Any:
    """Answers badly so often, then well."""
    left = [times]

    def answer(asked: Asked) -> None:
        left[0] -= 1
        bad(asked) if left[0] >= 0 else asked.say(200, {"well": True})

    return answer


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_broken_server_is_asked_again_with_growing_pauses(status: int) -> None:
    with answering(after(3, lambda asked: asked.say(status, "<html>"))) as (url, asked):
        server, pauses = wire(url)
        assert server.get("systems/") == {"well": True}
    assert pauses == list(LATER[:3])
    assert len(asked) == 4


def test_too_many_requests_wait_as_long_as_they_were_told() -> None:
    with answering(after(2, lambda asked: asked.say(429, {"problem": "Too many requests; go on in 17 s."}, Retry_After="17"))) as (url, _):
        server, pauses = wire(url)
        assert server.post("systems/", {}) == {"well": True}
    assert pauses == [17.0, 17.0]
    with answering(lambda asked: asked.say(429, {"problem": "Too many requests; go on in 3000 s."}, Retry_After="3000")) as (url, _):
        server, pauses = wire(url)
        with pytest.raises(Problem, match="go on in 3000 s"):
            server.get("systems/")
    assert pauses == []


def test_a_lost_connection_is_asked_again_and_an_address_that_never_answered_sooner_given_up() -> None:
    with answering(after(2, lambda asked: asked.hang_up())) as (url, _):
        server, pauses = wire(url)
        assert server.get("systems/") == {"well": True}
        assert pauses == list(FIRST[:2])
    server, pauses = wire(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Problem, match="does not answer"):
        server.get("systems/")
    assert pauses == list(FIRST)


def test_a_server_that_went_away_meanwhile_gets_more_patience_and_says_how_to_go_on() -> None:
    with answering(after(0, None)) as (url, _):
        server, pauses = wire(url)
        server.get("systems/")
    with pytest.raises(Problem, match=r"no longer answers .* Run the same command again"):
        server.get("systems/")
    assert pauses == list(LATER)


def test_a_refusal_is_not_asked_again() -> None:
    for status in (400, 401, 403, 404, 422):
        with answering(lambda asked, status=status: asked.say(status, {"problem": "No."})) as (url, asked):
            server, pauses = wire(url)
            with pytest.raises(Problem, match=r"^No\.$"):
                server.get("systems/")
        assert (len(asked), pauses) == (1, [])


class Line:
    """An installation behind a line that breaks: after `pieces` pieces it hangs up on everything."""

    def __init__(self, to: str, pieces: int) -> None:
        self.to, self.left, self.carried = to, pieces, 0

    def __call__(self, asked: Asked) -> None:
        if asked.command == "PUT":
            self.left -= 1
        if self.left < 0:
            return asked.hang_up()
        self.carried += len(asked.body) if asked.command == "PUT" else 0
        headers = {name: asked.headers[name] for name in ("Authorization", "Content-Type") if name in asked.headers}
        request = urllib.request.Request(self.to + asked.path, asked.body or None, headers, method=asked.command)
        try:
            with urllib.request.urlopen(request) as answer:
                return asked.say(answer.status, answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return asked.say(refused.code, refused.read())


@pytest.mark.django_db(transaction=True)
def test_an_upload_that_broke_off_goes_on_where_it_did(live_server: Any, settings: Any, tmp_path: Path) -> None:
    home_in(settings, tmp_path / "home")
    _, secret = token(*administered("nordbank"))
    path = tmp_path / "train.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * (PIECE // 2))
    file, seen = local(path, "data"), list[int]()
    broken = Line(live_server.url, pieces=1)
    with answering(broken) as (url, _), pytest.raises(Problem, match="no longer answers"):
        send(wire(url, secret)[0], file, seen.append)
    assert (seen, broken.carried) == ([0, PIECE], PIECE)
    whole = Line(live_server.url, pieces=99)
    with answering(whole) as (url, _):
        upload = send(wire(url, secret)[0], file, seen.append)
    assert seen[2] == PIECE
    assert seen[-1] == file.size
    assert whole.carried == file.size - PIECE
    # Every byte is there, so another upload of it carries none.
    again = Line(live_server.url, pieces=99)
    with answering(again) as (url, _):
        assert send(wire(url, secret)[0], file, seen.append) != upload
    assert again.carried == 0


@pytest.mark.django_db(transaction=True)
def test_a_file_that_changed_while_it_was_sent_is_told(live_server: Any, settings: Any, tmp_path: Path) -> None:
    home_in(settings, tmp_path / "home")
    server, _ = wire(live_server.url, token(*administered("nordbank"))[1])
    path = tmp_path / "train.csv"
    path.write_text("a,b\n1,2\n")
    file = local(path, "data")
    path.write_text("a,b\n1,3\n")
    with pytest.raises(Problem, match="do not have the hash announced"):
        send(server, file, lambda held: None)
    path.write_text("")
    with pytest.raises(Problem, match="became shorter"):
        send(server, file, lambda held: None)


@pytest.fixture
def issued(settings: Any, tmp_path: Path) -> tuple[Case, Report, str]:
    home_in(settings, tmp_path / "home")
    case = approved(tmp_path / "case")
    return case, case.issue(), token(case.bank, person(case.bank, Role.ADMINISTRATOR, "Dora"))[1]


@pytest.mark.django_db(transaction=True)
def test_a_signed_bundle_is_taken_whole_or_not_at_all(live_server: Any, issued: tuple[Case, Report, str], tmp_path: Path) -> None:
    case, report, secret = issued
    out = tmp_path / "out"
    got = download(wire(live_server.url, secret)[0], case.assessment.code, out)
    assert got.issued == report.number
    assert hashlib.sha256((out / BUNDLE).read_bytes()).hexdigest() == report.bundle

    def tampering(asked: Asked) -> None:
        if asked.path.endswith(BUNDLE):
            return asked.say(200, "PK, and other bytes than were signed")
        return Line(live_server.url, 99)(asked)

    (out / BUNDLE).unlink()
    with answering(tampering) as (url, _), pytest.raises(Problem, match="another hash than its report names"):
        download(wire(url, secret)[0], str(case.assessment.pk), out)
    assert sorted(path.name for path in out.iterdir()) == ["report.pdf", "results.json"]


@pytest.mark.django_db(transaction=True)
def test_a_folder_that_cannot_be_is_named(live_server: Any, issued: tuple[Case, Report, str], tmp_path: Path) -> None:
    case, _, secret = issued
    (tmp_path / "taken").write_text("")
    for out in (tmp_path / "taken", tmp_path / "taken" / "below"):
        with pytest.raises(Problem, match=r"is a file|Not a directory"):
            download(wire(live_server.url, secret)[0], case.assessment.code, out)

"""What the command says when something is wrong: one sentence, the right exit code, and no word of Python."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import ApiToken
from accounts.roles import Permission
from accounts.tokens import revoke_token
from assessments.drafts import ATTACKERS
from assessments.plan import Profile
from client.gate import FAIL_ON
from client.submit import PROFILES, RELEASES
from decisions import gate
from tests.api.test_api import administered, token
from tests.client.command import inversight, sentence
from tests.client.servers import answering, signed_by_itself
from tests.engine.engine import free_port

NOBODY = "inv_" + "x" * 43


@pytest.fixture
def case(tmp_path: Path) -> dict[str, Path]:
    """Four files, whatever is in them."""
    found = {
        name: tmp_path / file for name, file in (("model", "m.skops"), ("train", "t.csv"), ("population", "p.csv"), ("schema", "s.yaml"))
    }
    for path in found.values():
        path.write_text(f"{path.name}\n")
    return found


def submitted(case: dict[str, Path], **more: Any) -> Any:
    return inversight("submit", *(word for option, path in case.items() for word in (f"--{option}", path)), **more)


def test_the_choices_are_the_servers_own() -> None:
    assert tuple(ATTACKERS) == RELEASES
    assert tuple(profile.value for profile in Profile) == PROFILES
    assert gate.FAIL_ON == FAIL_ON


@pytest.mark.django_db(transaction=True)
def test_a_wrong_an_ended_and_a_revoked_token_are_told_apart(live_server: Any) -> None:
    bank, dora = administered("nordbank")
    made, secret = token(bank, dora)
    wrong = sentence(inversight("watch", "A-0001", url=live_server.url, token=NOBODY))
    assert wrong == "This token is unknown. An administrator makes tokens under Service accounts."
    now = timezone.now()
    ApiToken.objects.filter(pk=made.pk).update(created=now - timedelta(days=9), expires=now - timedelta(days=2))
    ended = sentence(inversight("watch", "A-0001", url=live_server.url, token=secret))
    assert ended.startswith(f"This token ended on {now - timedelta(days=2):%-d %B %Y}.")
    revoke_token(made, by=dora)
    assert "was revoked on" in sentence(inversight("watch", "A-0001", url=live_server.url, token=secret))


@pytest.mark.django_db(transaction=True)
def test_a_token_that_may_not_submit_says_so_before_anything_is_sent(live_server: Any, case: dict[str, Path]) -> None:
    _, secret = token(*administered("nordbank"), Permission.READ)
    assert "may not register" in sentence(submitted(case, url=live_server.url, token=secret))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("called", "said"),
    [
        ("A-0099", "There is no assessment A-0099 here"),
        ("00000000-0000-4000-8000-000000000000", "There is no assessment 0000"),
        ("Income", "Income is no assessment: give its number, such as A-0041"),
        ("A-" + "9" * 18, "There is no assessment A-999"),
        ("../systems", "is no assessment"),
    ],
)
@pytest.mark.parametrize("verb", ["watch", "gate", "download"])
def test_a_number_there_is_not_is_named(live_server: Any, tmp_path: Path, verb: str, called: str, said: str) -> None:
    _, secret = token(*administered("nordbank"))
    more = ("--out", tmp_path / "out") if verb == "download" else ()
    assert said in sentence(inversight(verb, called, *more, url=live_server.url, token=secret))
    assert not (tmp_path / "out").exists()


def test_a_missing_an_empty_and_a_foreign_file_are_named_before_the_server_is_asked(case: dict[str, Path], tmp_path: Path) -> None:
    with answering(lambda asked: asked.say(500, {})) as (url, asked):
        gone = sentence(submitted({**case, "train": tmp_path / "gone.csv"}, url=url, token=NOBODY))
        assert gone == f"There is no file {tmp_path / 'gone.csv'}."
        case["population"].write_bytes(b"")
        assert sentence(submitted(case, url=url, token=NOBODY)) == f"{case['population']} is empty (0 bytes)."
        assert "is a folder" in sentence(submitted({**case, "model": tmp_path}, url=url, token=NOBODY))
        case["schema"].write_bytes(b"\xff\xfe\x00")
        assert "is no text in UTF-8" in sentence(submitted(case, url=url, token=NOBODY))
        case["schema"].write_bytes(b"# " + b"x" * 2**20)
        assert "is longer than 1,048,576 bytes" in sentence(submitted(case, url=url, token=NOBODY))
    assert asked == []


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "INVERSIGHT_URL is not set"),
        ({"INVERSIGHT_URL": "inversight.example.org"}, "is no address"),
        ({"INVERSIGHT_URL": "https://me:secret@example.org"}, "is no address"),
        ({"INVERSIGHT_URL": "http://example.org:99999"}, "is no address"),
        ({"INVERSIGHT_URL": "http://inversight.example.org"}, "must begin with https://"),
        ({"INVERSIGHT_URL": "http://127.0.0.1:1"}, "INVERSIGHT_TOKEN is not set"),
        ({"INVERSIGHT_URL": "http://127.0.0.1:1", "INVERSIGHT_TOKEN": "two words"}, "is no token"),
        ({"INVERSIGHT_URL": "http://127.0.0.1:1", "INVERSIGHT_TOKEN_FILE": "/nowhere/token"}, "cannot be read: No such file"),
        ({"INVERSIGHT_URL": "http://127.0.0.1:1", "INVERSIGHT_TOKEN_FILE": "/x", "INVERSIGHT_TOKEN": "y"}, "keep one of them"),
    ],
)
def test_what_is_missing_in_the_environment_is_named(environment: dict[str, str], said: str) -> None:
    assert said in sentence(inversight("watch", "A-0001", **environment))


@pytest.mark.parametrize(
    "words", [(), ("submit",), ("watch",), ("gate", "A-1", "--fail-on", "everything"), ("download", "A-1"), ("assess",)]
)
def test_wrong_usage_exits_with_2(words: tuple[str, ...]) -> None:
    done = inversight(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: inversight")


def test_help_says_where_the_token_comes_from_and_takes_none() -> None:
    for words in ((), ("submit",), ("gate",)):
        done = inversight(*words, "--help")
        assert done.returncode == 0
        assert "INVERSIGHT_TOKEN_FILE" in done.stdout
        assert "--token" not in done.stdout


def test_a_server_that_is_away_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert sentence(inversight("watch", "A-0001", url=url, token=NOBODY)) == (
        f"{url} does not answer (Connection refused). Check INVERSIGHT_URL, and that the server runs."
    )


def test_a_certificate_nobody_signed_is_refused_before_the_token_leaves_and_may_be_named(tmp_path: Path) -> None:
    context, certificate = signed_by_itself(tmp_path)
    with answering(lambda asked: asked.say(404, {"problem": "Nothing here."}), context) as (url, asked):
        said = sentence(inversight("watch", "A-0001", url=url, token=NOBODY))
        assert said.startswith("The certificate of 127.0.0.1 is not trusted here (self-signed certificate)")
        assert "SSL_CERT_FILE" in said
        assert asked == []
        named = inversight("watch", "A-0001", url=url, token=NOBODY, SSL_CERT_FILE=str(certificate))
        assert "There is no assessment A-0001 here" in sentence(named)


def test_a_token_does_not_follow_to_another_address() -> None:
    with (
        answering(lambda asked: asked.say(200, {})) as (elsewhere, seen),
        answering(lambda asked: asked.say(302, {}, Location=f"{elsewhere}/api/v1/")) as (url, _),
    ):
        assert f"{url} sends on to {elsewhere}" in sentence(inversight("watch", "A-0001", url=url, token=NOBODY))
    assert seen == []


def test_another_web_server_is_told_from_inversight() -> None:
    with answering(lambda asked: asked.say(200, "<html>Welcome</html>")) as (url, _):
        assert "not Inversight's API" in sentence(inversight("watch", "A-0001", url=url, token=NOBODY))
    with answering(lambda asked: asked.say(403, "<html>Forbidden</html>")) as (url, _):
        assert "answered 403, and not as Inversight does" in sentence(inversight("gate", "A-0001", url=url, token=NOBODY))


def test_what_a_server_says_moves_no_cursor() -> None:
    with answering(lambda asked: asked.say(422, {"problem": "Bad\x1b[2J\n\rname."})) as (url, _):
        assert sentence(inversight("watch", "A-0001", url=url, token=NOBODY)) == "Bad [2J name."

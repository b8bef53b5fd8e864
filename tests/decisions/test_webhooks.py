"""Webhooks: signed as Standard Webhooks says, delivered once however many sweepers there are, and never into a private network."""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEntry
from decisions import post, webhook_transport, webhooks
from decisions.errors import DecisionProblem
from decisions.notice_models import FOR_WEBHOOKS, Delivery, Kind, Message, Webhook
from decisions.webhook_signature import BadSignature, headers_for, new_secret, sign, verify
from decisions.webhook_transport import BadAddress, NotSent, addresses_allowed, is_public, place
from tests.assessments.cases import home_in
from tests.decisions.offices import Office, browser, office, ready

pytestmark = pytest.mark.django_db
# Of the specification and its reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
GIVEN = {"webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": SIGNATURE}


# ---- the signature


def test_we_sign_as_the_standard_does() -> None:
    assert sign(SECRET, id=ID, timestamp=AT, body=BODY) == SIGNATURE
    verify(SECRET, GIVEN, BODY, now=AT)


@pytest.mark.parametrize("name", ["Webhook-Id", "WEBHOOK-ID"])
def test_header_names_may_be_in_any_case(name: str) -> None:
    verify(SECRET, {**{k: v for k, v in GIVEN.items() if k != "webhook-id"}, name: ID}, BODY, now=AT)


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({}, b'{"test": 2432232315}'),
        ({"webhook-id": "msg_other"}, BODY),
        ({"webhook-timestamp": str(AT + 1)}, BODY),
        ({"webhook-signature": SIGNATURE.replace("g0hM", "g0hN")}, BODY),
        ({"webhook-signature": SIGNATURE.replace("v1,", "v2,")}, BODY),
        ({"webhook-signature": SIGNATURE.removeprefix("v1,")}, BODY),
        ({"webhook-signature": ""}, BODY),
        ({"webhook-signature": "v1,é"}, BODY),
        ({"webhook-timestamp": "soon"}, BODY),
        ({"webhook-timestamp": "²"}, BODY),
        ({"webhook-timestamp": ""}, BODY),
        ({"webhook-id": ""}, BODY),
    ],
)
def test_whatever_was_changed_is_refused(changed: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadSignature):
        verify(SECRET, {**GIVEN, **changed}, body, now=AT)


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_what_was_signed_long_ago_or_in_the_future_is_refused_as_a_repetition(seconds: int) -> None:
    with pytest.raises(BadSignature, match="repetition"):
        verify(SECRET, GIVEN, BODY, now=AT + seconds)
    verify(SECRET, GIVEN, BODY, now=AT + 300)
    verify(SECRET, GIVEN, BODY, now=AT + seconds, tolerance=abs(seconds))


def test_one_of_several_signatures_is_enough_while_a_secret_is_replaced() -> None:
    verify(SECRET, {**GIVEN, "webhook-signature": f"v1,b2xk {SIGNATURE}"}, BODY, now=AT)
    with pytest.raises(BadSignature):
        verify(new_secret(), GIVEN, BODY, now=AT)


# ---- where nothing is sent


PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "2002:7f00:1::", "2002:a00:1::",
    "2001:0:7f00:1::",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_no_private_address_passes_for_a_public_one(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::8.8.8.8"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/hook", "ftp://example.org/", "file:///etc/passwd", "https://", "https:///x", "https://me:secret@example.org/",
        "https://example.org/#part", "https://example.org/a b", "https://example.org/\r\nHost: x", "https://exämple.org/", "//example.org",
        "https://example.org:99999/", "https://[::1", "https://example.org/" + "a" * 500, "", "http://127.0.0.1/", "http://localhost/",
        "gopher://127.0.0.1/",
    ],
)  # fmt: skip
def test_what_is_no_https_address_is_refused(url: str) -> None:
    with pytest.raises(BadAddress):
        place(url)


@pytest.mark.parametrize("url", ["http://localhost/", "http://127.0.0.2/", "http://127.0.0.1.evil.example/", "http://10.0.0.1/"])
def test_the_setting_for_this_machine_opens_nothing_else(url: str, settings: Any) -> None:
    settings.WEBHOOKS_TO_THIS_MACHINE = True
    assert addresses_allowed(place("http://127.0.0.1:8/x")) == ["127.0.0.1"]
    with pytest.raises(BadAddress):
        place(url)


@pytest.mark.parametrize("written", ["127.0.0.1", "2130706433", "0x7f.1", "017700000001", "[::1]", "[::ffff:127.0.0.1]", "localhost"])
@pytest.mark.parametrize("setting", [True, False])
def test_this_machine_is_refused_over_https_however_it_is_written(written: str, setting: bool, settings: Any) -> None:
    settings.WEBHOOKS_TO_THIS_MACHINE = setting
    with pytest.raises(NotSent, match=r"private network|unknown"):
        webhook_transport.post(f"https://{written}/", b"{}", {})


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(BadAddress, match="private network"):
        addresses_allowed(place("https://example.org/"), lambda host, port: ["93.184.216.34", "10.0.0.5"])


def test_the_connection_goes_to_the_address_that_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the name answers with a public address once, and with this machine ever after."""
    answers, connected = [["93.184.216.34"], ["127.0.0.1"]], []

    def rebinding(host: str, port: int) -> list[str]:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def connect(address: tuple[str, int], **more: Any) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(NotSent, match="Connection refused"):
        webhook_transport.post("https://rebinding.example/", b"{}", {}, resolve=rebinding)
    assert connected == ["93.184.216.34"]
    with pytest.raises(BadAddress):
        webhook_transport.post("https://rebinding.example/", b"{}", {}, resolve=rebinding)
    assert connected == ["93.184.216.34"]


# ---- a receiver of our own


class Receiver(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[int] = []  # then 200
        self.wait = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?room=7"


class _Answer(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.path, dict(self.headers), body))
        time.sleep(self.server.wait)
        status = self.server.answers.pop(0) if self.server.answers else 200
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/elsewhere")
        self.end_headers()
        self.wfile.write(b"ignored" * 1000)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOKS_TO_THIS_MACHINE = True
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def here(settings: Any, tmp_path: Path) -> Office:
    home_in(settings, tmp_path / "home")
    return office(tmp_path)


@pytest.fixture
def hooked(here: Office, receiver: Receiver) -> tuple[Webhook, str]:
    return webhooks.add(here.bank, url=receiver.url, events=[str(Kind.EVIDENCE_READY)], by=here.dora)


def test_what_happened_arrives_signed_and_without_people(here: Office, receiver: Receiver, hooked: tuple[Webhook, str]) -> None:
    ready(here)
    assert post.deliver()["webhooks"] == 1
    [(path, headers, body)] = receiver.heard
    verify(hooked[1], headers, body, now=time.time())
    told = json.loads(body)
    assert (path, told["type"]) == ("/hook?room=7", "assessment.evidence_ready")
    assert told["data"]["code"] == "A-0001"
    assert told["data"]["url"] == f"http://127.0.0.1:8000/assessments/{here.assessment.pk}/"
    assert "Alice" not in body.decode()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.status, delivery.attempts) == ("delivered", 200, 1)
    assert post.deliver()["webhooks"] == 0
    assert len(receiver.heard) == 1


def test_a_webhook_hears_only_what_it_asked_for_and_only_of_its_organisation(here: Office, receiver: Receiver, hooked: Any) -> None:
    webhooks.add(here.eve.memberships.first().organisation, url=receiver.url, events=[str(k) for k in FOR_WEBHOOKS], by=here.eve)
    Webhook.objects.filter(pk=hooked[0].pk).update(events=[str(Kind.RELEASE_DECIDED)])
    ready(here)
    assert not Delivery.objects.exists()


def test_a_500_is_tried_again_later_with_the_same_id_and_bytes(here: Office, receiver: Receiver, hooked: tuple[Webhook, str]) -> None:
    receiver.answers = [500, 503, 429]
    ready(here)
    now = timezone.now()
    post.deliver(now)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.status, delivery.problem) == ("waiting", 500, "Answered with 500.")
    assert post.deliver(now + timedelta(seconds=4))["webhooks"] == 0
    for later in (timedelta(seconds=8), timedelta(minutes=6), timedelta(minutes=40)):
        assert post.deliver(now + later)["webhooks"] == 1
    assert Delivery.objects.get().state == "delivered"
    assert len(receiver.heard) == 4
    assert len({(headers["webhook-id"], body) for _, headers, body in receiver.heard}) == 1
    for _, headers, body in receiver.heard:
        verify(hooked[1], headers, body, now=time.time())


def test_after_the_sixth_try_it_is_given_up(here: Office, receiver: Receiver, hooked: Any) -> None:
    receiver.answers = [500] * 20
    ready(here)
    now, tries = timezone.now(), []
    for minute in range(0, 60 * 24, 1):
        if post.deliver(now + timedelta(minutes=minute))["webhooks"]:
            tries.append(minute)
    # 5 seconds, 5 minutes, 30 minutes, 2 hours and 5 hours later, looked at once a minute.
    assert tries == [0, 1, 7, 38, 159, 460]
    assert Delivery.objects.get().state == "given_up"


def test_410_switches_the_webhook_off_and_tells_its_administrators(here: Office, receiver: Receiver, hooked: tuple[Webhook, str]) -> None:
    receiver.answers = [410]
    ready(here)
    webhooks.ping(hooked[0])
    post.deliver()
    hooked[0].refresh_from_db()
    assert not hooked[0].active
    assert {d.state for d in Delivery.objects.all()} == {"given_up"}
    assert len(receiver.heard) == 1
    assert list(Message.objects.filter(kind=Kind.WEBHOOK_OFF).values_list("person__name", flat=True)) == ["Dora"]
    assert AuditEntry.objects.filter(action="webhook switched off", actor=None).count() == 1
    with pytest.raises(DecisionProblem, match="switched off"):
        webhooks.ping(hooked[0])


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(here: Office, receiver: Receiver, hooked: Any, status: int) -> None:
    receiver.answers = [status]
    ready(here)
    post.deliver()
    assert [path for path, _, _ in receiver.heard] == ["/hook?room=7"]
    assert "redirect, which is not followed" in Delivery.objects.get().problem


def test_a_receiver_that_is_silent_is_left_after_the_timeout(receiver: Receiver) -> None:
    receiver.wait = 3
    began = time.monotonic()
    with pytest.raises(NotSent, match=r"No answer within 0\.3 seconds"):
        webhook_transport.post(receiver.url, b"{}", {}, timeout=0.3)
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH\r\n", b"", b"x" * 100_000, b"HTTP/1.1 20", b"HTTP/1.1 2x0 OK\r\n"])
def test_an_answer_that_is_no_http_is_a_failure(settings: Any, said: bytes) -> None:
    settings.WEBHOOKS_TO_THIS_MACHINE = True
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(65536)
                # Closing while something is still unread would reset the connection, and take the answer with it. Who has
                # read enough of a long answer hangs up on us, which is theirs to do.
                with suppress(OSError):
                    peer.sendall(said)
                    peer.shutdown(socket.SHUT_WR)
                    while peer.recv(65536):
                        pass

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(NotSent, match="not HTTP"):
            webhook_transport.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {})
        thread.join()


def test_a_receiver_that_dribbles_its_answer_holds_nobody_longer(settings: Any) -> None:
    settings.WEBHOOKS_TO_THIS_MACHINE = True
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def dribble() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(65536)
                while not stop.wait(0.1):
                    try:
                        peer.sendall(b"H")
                    except OSError:
                        return

        thread = threading.Thread(target=dribble)
        thread.start()
        began = time.monotonic()
        with pytest.raises(NotSent, match="No answer"):
            webhook_transport.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {}, timeout=0.5)
        assert time.monotonic() - began < 1.5
        stop.set()
        thread.join()


def test_a_private_address_is_refused_when_it_is_told_not_only_when_it_is_added(
    here: Office, hooked: Any, receiver: Receiver, settings: Any
) -> None:
    ready(here)
    settings.WEBHOOKS_TO_THIS_MACHINE = False
    post.deliver()
    assert receiver.heard == []
    assert "begins with https://" in Delivery.objects.get().problem


def test_the_secret_lies_encrypted_and_is_useless_under_another_key(here: Office, hooked: Any, receiver: Receiver, settings: Any) -> None:
    _, secret = hooked
    assert secret.startswith("whsec_")
    assert secret not in str(list(Webhook.objects.values()))
    assert secret.removeprefix("whsec_") not in str(list(AuditEntry.objects.values()))
    ready(here)
    settings.SECRET_KEY = "another key, of another installation"
    settings.SECRET_KEY_FALLBACKS = []
    post.deliver()
    assert receiver.heard == []
    assert "SECRET_KEY changed" in Delivery.objects.get().problem


@pytest.mark.django_db(transaction=True)
def test_two_sweepers_at_once_deliver_once(here: Office, receiver: Receiver) -> None:
    webhooks.add(here.bank, url=receiver.url, events=[str(Kind.EVIDENCE_READY)], by=here.dora)
    receiver.wait = 0.3
    ready(here)
    together = threading.Barrier(4)

    def sweeper() -> int:
        try:
            together.wait()
            return post.deliver()["webhooks"]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(one.result() for one in [pool.submit(sweeper) for _ in range(4)]) == 1
    assert len(receiver.heard) == 1


def test_a_delivery_whose_sweeper_died_is_made_by_another(here: Office, receiver: Receiver, hooked: Any) -> None:
    ready(here)
    now = timezone.now()
    assert webhooks.claim(Delivery.objects.get(), now)
    assert post.deliver(now + timedelta(seconds=30))["webhooks"] == 0
    assert post.deliver(now + webhooks.HELD)["webhooks"] == 1
    assert len(receiver.heard) == 1


# ---- the pages


def test_an_administrator_adds_a_webhook_and_sees_its_secret_once(here: Office, receiver: Receiver) -> None:
    dora = browser(here.dora)
    made = dora.post("/webhooks/", {"url": receiver.url, "events": ["release.decided", "no.such"]})
    secret = next(word for word in made.content.decode().replace("<", " ").replace(">", " ").split() if word.startswith("whsec_"))
    assert "no-store" in made.headers["Cache-Control"]
    webhook = Webhook.objects.get()
    assert webhook.events == ["release.decided"]
    for page in ("/webhooks/", f"/webhooks/{webhook.pk}/"):
        assert secret.removeprefix("whsec_") not in dora.get(page).content.decode()
    dora.post(f"/webhooks/{webhook.pk}/ping/")
    post.deliver()
    [(_, headers, body)] = receiver.heard
    verify(secret, headers, body, now=time.time())
    assert json.loads(body)["type"] == "webhook.test"
    assert "Answered with 200." in dora.get(f"/webhooks/{webhook.pk}/").content.decode()
    dora.post(f"/webhooks/{webhook.pk}/off/")
    assert not Webhook.objects.get().active
    dora.post(f"/webhooks/{webhook.pk}/on/")
    assert Webhook.objects.get().active
    dora.post(f"/webhooks/{webhook.pk}/remove/")
    assert not Webhook.objects.exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "http://example.org/", "events": "release.decided"}, "begins with https://"),
        ({"url": "https://example.org/"}, "Choose at least one"),
        ({}, "Choose at least one"),
    ],
)
def test_a_webhook_that_cannot_be_is_refused_with_what_was_typed(here: Office, given: dict[str, str], said: str) -> None:
    answer = browser(here.dora).post("/webhooks/", given)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Webhook.objects.exists()


def test_there_are_ten_at_most(here: Office, hooked: Any, receiver: Receiver) -> None:
    for _ in range(9):
        webhooks.add(here.bank, url=receiver.url, events=["release.decided"], by=here.dora)
    with pytest.raises(DecisionProblem, match="10 webhooks"):
        webhooks.add(here.bank, url=receiver.url, events=["release.decided"], by=here.dora)


@pytest.mark.parametrize("who", ["alice", "bob", "carol"])
def test_other_roles_get_403_on_every_page(here: Office, hooked: Any, who: str) -> None:
    client, pk = browser(getattr(here, who)), hooked[0].pk
    assert client.get("/webhooks/").status_code == 403
    assert client.post("/webhooks/", {"url": "https://example.org/", "events": "release.decided"}).status_code == 403
    assert client.get(f"/webhooks/{pk}/").status_code == 403
    for verb in ("ping", "off", "on", "remove"):
        assert client.post(f"/webhooks/{pk}/{verb}/").status_code == 403
    assert Webhook.objects.get().active
    assert not Delivery.objects.exists()


def test_another_organisations_administrator_gets_404(here: Office, hooked: Any) -> None:
    eve, pk = browser(here.eve), hooked[0].pk
    assert "127.0.0.1" not in eve.get("/webhooks/").content.decode()
    assert eve.get(f"/webhooks/{pk}/").status_code == 404
    for verb in ("ping", "off", "on", "remove", "nonsense"):
        assert eve.post(f"/webhooks/{pk}/{verb}/").status_code == 404
    assert Webhook.objects.get().active


def test_headers_we_make_are_headers_we_accept() -> None:
    secret = new_secret()
    verify(secret, headers_for(secret, id="msg_1", timestamp=5, body=b"{}"), b"{}", now=5)

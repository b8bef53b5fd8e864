"""Single sign-on against a small provider on this machine: it lets in who is known or invited, and nobody else."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import jwt
import pytest
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse

from accounts import people, selectors, services
from accounts.models import Organisation, User
from accounts.roles import Role
from config import env
from tests.accounts.people import actions, person, signed_in, switch_on_app, totp

pytestmark = pytest.mark.django_db
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Provider:
    """What the provider says of whoever signs in there, and how it signs."""

    url: str = ""
    claims: dict[str, object] = field(default_factory=dict)
    key: object = KEY
    algorithm: str = "RS256"
    issuer: str = ""
    asked: dict[str, list[str]] = field(default_factory=dict)

    def id_token(self) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": "inversight", "sub": "7", "iat": now, "exp": now + 60, **self.claims}
        return jwt.encode(claims, self.key, algorithm=self.algorithm, headers={"kid": "k"})

    def answer(self, path: str) -> dict[str, object]:
        if path.startswith("/.well-known/"):
            return {
                "issuer": self.issuer or self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
            }
        if path == "/keys":
            numbers = KEY.public_key().public_numbers()
            whole = {"n": numbers.n, "e": numbers.e}
            encoded = {
                k: base64.urlsafe_b64encode(v.to_bytes(-(-v.bit_length() // 8), "big")).rstrip(b"=").decode() for k, v in whole.items()
            }
            return {"keys": [{"kty": "RSA", "kid": "k", "use": "sig", "alg": "RS256", **encoded}]}
        return {"access_token": "t", "token_type": "Bearer", "expires_in": 60, "id_token": self.id_token()}


@pytest.fixture
def provider(settings) -> Iterator[Provider]:
    told = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(told.answer(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            told.asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.do_GET()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    app = {
        "provider_id": "single-sign-on",
        "name": "Bank login",
        "client_id": "inversight",
        "secret": "s3cret",
        "settings": {"server_url": told.url, "oauth_pkce_enabled": True, "fetch_userinfo": False},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def bank() -> Organisation:
    return services.create_organisation("Nordbank")


@pytest.fixture
def alice(bank: Organisation) -> User:
    return person("Alice", bank, Role.AUDITOR)


VERIFIED = {"email": "alice@example.org", "email_verified": True, "name": "Alice"}


def come_back(provider: Provider, client: Client | None = None, start: str = "", **more: str):
    """Go to the provider and back, as a browser does."""
    client = client or Client()
    away = client.get(reverse("openid_connect_login") + start)
    assert away.status_code == 302, away.content.decode()
    asked = parse_qs(urlparse(away.headers["Location"]).query)
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    return client.get(reverse("openid_connect_callback"), {"code": "c", "state": asked["state"][0], **more})


def test_known_person_is_let_in(provider: Provider, alice: User, bank: Organisation) -> None:
    provider.claims = VERIFIED | {"email": "Alice@Example.org"}
    client = Client()
    assert "Bank login instead" in client.get(reverse("sign_in")).content.decode()
    assert come_back(provider, client).headers["Location"] == "/"
    assert client.get("/").context["user"] == alice
    assert provider.asked["client_secret"] == ["s3cret"]
    assert len(provider.asked["code_verifier"][0]) >= 43
    assert actions(bank)[-1] == "signed in"
    assert bank.audit_entries.last().facts == {"by": ["single sign-on"]}
    assert alice.email not in str(list(SocialAccount.objects.values_list("extra_data", "uid")))


def test_known_person_is_known_again_under_a_new_address(provider: Provider, alice: User) -> None:
    provider.claims = VERIFIED
    come_back(provider)
    provider.claims = {"email": "married@example.org", "email_verified": False}
    client = Client()
    come_back(provider, client)
    assert client.get("/").context["user"] == alice
    assert SocialAccount.objects.get().extra_data == {}


def test_stranger_gets_one_clear_sentence(provider: Provider, alice: User) -> None:
    provider.claims = {"email": "eve@example.org", "email_verified": True}
    answer = come_back(provider)
    assert answer.status_code == 403
    assert "eve@example.org</bdi> belongs to an organisation here or is invited to one; ask an administrator" in answer.content.decode()
    assert User.objects.count() == 1
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize("verified", [False, None, "true", 1, "no"])
def test_address_the_provider_does_not_vouch_for_lets_nobody_in(provider: Provider, alice: User, verified: object) -> None:
    provider.claims = VERIFIED | {"email_verified": verified}
    client = Client()
    answer = come_back(provider, client)
    assert answer.status_code == 403
    assert "does not vouch for your email address" in answer.content.decode()
    assert client.get("/").status_code == 302


def test_invited_person_is_let_in_without_a_password(provider: Provider, alice: User, bank: Organisation) -> None:
    people.invite(bank, "bob@example.org", Role.RISK_OWNER, by=alice)
    people.invite(bank, "bob@example.org", Role.AUDITOR, by=alice)
    provider.claims = {"email": "bob@example.org", "email_verified": True, "name": "Bob"}
    client = Client()
    assert come_back(provider, client).status_code == 302
    bob = User.objects.get(email="bob@example.org")
    assert (bob.name, bob.has_usable_password()) == ("Bob", False)
    assert selectors.roles_of(bob, bank) == {Role.RISK_OWNER, Role.AUDITOR}
    assert client.get("/").context["user"] == bob


def test_switched_off_person_is_not_let_in(provider: Provider, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    provider.claims = VERIFIED
    client = Client()
    answer = come_back(provider, client)
    assert answer.headers["Location"] == reverse("account_inactive")
    assert "This account is switched off" in client.get(answer.headers["Location"]).content.decode()
    assert client.get("/").status_code == 302


def test_second_factor_is_asked_for_all_the_same(provider: Provider, alice: User) -> None:
    secret, _ = switch_on_app(signed_in(alice))
    provider.claims = VERIFIED
    client = Client()
    assert come_back(provider, client).headers["Location"] == reverse("mfa_authenticate")
    assert client.get("/").status_code == 302
    client.post(reverse("mfa_authenticate"), {"code": totp(secret)})
    assert client.get("/").status_code == 200


BAD = {
    "other key": {"key": OTHER_KEY},
    "shared secret": {"key": "s3cret" * 8, "algorithm": "HS256"},
    "no signature": {"key": "", "algorithm": "none"},
    "other audience": {"claims": VERIFIED | {"aud": "another"}},
    "other issuer": {"claims": VERIFIED | {"iss": "https://evil.example"}},
    "too old": {"claims": VERIFIED | {"exp": 1}},
    "another name": {"issuer": "https://evil.example"},
}


@pytest.mark.parametrize("name", BAD)
def test_answer_that_was_not_made_by_the_provider_for_us_lets_nobody_in(provider: Provider, alice: User, name: str) -> None:
    provider.claims = VERIFIED
    for attribute, value in BAD[name].items():
        setattr(provider, attribute, value)
    client = Client()
    answer = come_back(provider, client)
    assert answer.status_code == 401
    assert "nobody is signed in" in answer.content.decode()
    assert client.get("/").status_code == 302


def test_answer_nobody_asked_for_lets_nobody_in(provider: Provider, alice: User) -> None:
    provider.claims = VERIFIED
    client = Client()
    for query in ({}, {"code": "c"}, {"code": "c", "state": "made up"}, {"error": "server_error"}):
        assert client.get(reverse("openid_connect_callback"), query).status_code == 401
    assert come_back(provider, client, state="made up").status_code == 401
    assert client.get("/").status_code == 302


def test_same_number_at_another_provider_is_another_person(provider: Provider, alice: User, settings) -> None:
    provider.claims = VERIFIED
    come_back(provider)
    kept = SocialAccount.objects.get()
    SocialAccount.objects.filter(pk=kept.pk).update(uid="7")
    provider.claims = {"email": "eve@example.org", "email_verified": True}
    assert come_back(provider).status_code == 403


def test_signed_in_person_cannot_attach_somebody_elses_login(provider: Provider, alice: User) -> None:
    person("Bob")
    provider.claims = VERIFIED | {"email": "eve@example.org"}
    client = signed_in(alice)
    assert come_back(provider, client, "?process=connect").status_code == 403
    assert not SocialAccount.objects.exists()


def test_way_back_leads_to_no_other_site(provider: Provider, alice: User) -> None:
    provider.claims = VERIFIED
    assert come_back(provider, start="?next=https://evil.example/").headers["Location"] == "/"
    assert come_back(provider, start="?next=/account/").headers["Location"] == "/account/"


def test_turning_back_is_no_error(provider: Provider) -> None:
    client = Client()
    state = parse_qs(urlparse(client.get(reverse("openid_connect_login")).headers["Location"]).query)["state"][0]
    answer = client.get(reverse("openid_connect_callback"), {"error": "access_denied", "state": state}, follow=True)
    assert "You turned back, so nobody is signed in." in answer.content.decode()


def test_provider_that_is_down_is_told_in_words(provider: Provider, settings) -> None:
    settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]["settings"]["server_url"] = "http://127.0.0.1:9"
    answer = Client().get(reverse("openid_connect_login"))
    assert answer.status_code == 503
    assert "Single sign-on does not answer" in answer.content.decode()


def test_without_a_provider_there_is_no_such_page() -> None:
    assert Client().get(reverse("openid_connect_login")).status_code == 404
    assert Client().get(reverse("openid_connect_callback")).status_code == 404
    assert "instead" not in Client().get(reverse("sign_in")).content.decode()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    assert env.single_sign_on() == {}
    monkeypatch.setenv("INVERSIGHT_OIDC_ISSUER", "https://id.example.org/")
    with pytest.raises(ImproperlyConfigured, match="INVERSIGHT_OIDC_CLIENT_ID"):
        env.single_sign_on()
    (tmp_path / "secret").write_text("s3cret\n")
    monkeypatch.setenv("INVERSIGHT_OIDC_CLIENT_ID", "us")
    monkeypatch.setenv("INVERSIGHT_OIDC_CLIENT_SECRET_FILE", str(tmp_path / "secret"))
    app = env.single_sign_on()["openid_connect"]["APPS"][0]
    assert (app["client_id"], app["secret"], app["settings"]["server_url"]) == ("us", "s3cret", "https://id.example.org")
    monkeypatch.setenv("INVERSIGHT_OIDC_ISSUER", "http://id.example.org")
    with pytest.raises(ImproperlyConfigured, match="begin with https"):
        env.single_sign_on()


def test_mail_server_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.mail()["EMAIL_BACKEND"].endswith("dummy.EmailBackend")
    monkeypatch.setenv("EMAIL_URL", "smtp+tls://ann:p%40ss@mail.example.org:587")
    told = env.mail()
    assert (told["EMAIL_HOST"], told["EMAIL_PORT"], told["EMAIL_HOST_PASSWORD"], told["EMAIL_USE_TLS"]) == (
        "mail.example.org",
        587,
        "p@ss",
        True,
    )
    for wrong in ("mail.example.org", "http://ann:secret@mail.example.org", "smtp://ann:secret@mail:port"):
        monkeypatch.setenv("EMAIL_URL", wrong)
        with pytest.raises(ImproperlyConfigured, match="EMAIL_URL cannot be read") as refused:
            env.mail()
        assert "secret" not in str(refused.value)

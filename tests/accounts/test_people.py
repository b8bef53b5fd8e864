"""Who gets in: invitations work once and for one address; administrators decide who is in, and only in their own house."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import people, selectors, services
from accounts.models import Invitation, Membership, Organisation, User
from accounts.roles import Role
from tests.accounts.people import PASSWORD, actions, person, sign_in

pytestmark = pytest.mark.django_db
NEW = {"name": "Bob", "password": "purple elephant lamp"}


@pytest.fixture
def bank() -> Organisation:
    return services.create_organisation("Nordbank")


@pytest.fixture
def alice(bank: Organisation) -> User:
    return person("Alice", bank, Role.ADMINISTRATOR)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def invited(alice: User, email: str = "bob@example.org", role: Role = Role.AUDITOR) -> str:
    """The address of the link that Alice is shown."""
    page = browser(alice).post(reverse("invite"), {"email": email, "role": role}).content.decode()
    link = re.search(r"http://testserver(/invitation/[\w-]+/)", page)
    assert link, page
    return link.group(1)


def test_invited_person_chooses_a_password_and_is_in(bank: Organisation, alice: User) -> None:
    link = invited(alice)
    client = Client()
    assert "Nordbank" in client.get(link).content.decode()
    assert client.post(link, NEW).headers["Location"] == reverse("sign_in")
    bob = User.objects.get(email="bob@example.org")
    assert selectors.roles_of(bob, bank) == {Role.AUDITOR}
    assert sign_in(client, bob, NEW["password"]).headers["Location"] == "/"
    assert actions(bank)[-4:] == ["invited", "invitation accepted", "role given", "signed in"]


def test_link_is_mailed_and_shown_once(bank: Organisation, alice: User) -> None:
    link = invited(alice)
    assert [message.to for message in mail.outbox] == [["bob@example.org"]]
    assert link in mail.outbox[0].body
    token = link.split("/")[2]
    assert token not in browser(alice).get(reverse("people")).content.decode()
    assert not Invitation.objects.filter(token_hash=token).exists()
    assert token not in str(list(Invitation.objects.values_list()))


def test_mail_that_cannot_be_sent_leaves_the_link(alice: User, settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    page = browser(alice).post(reverse("invite"), {"email": "bob@example.org", "role": "auditor"}).content.decode()
    assert "No mail was sent, so hand this link over yourself" in page


def test_organisation_with_a_line_break_in_its_name_forges_no_mail_header(alice: User, bank: Organisation) -> None:
    Organisation.objects.filter(pk=bank.pk).update(name="Bank\r\nBcc: evil@example.org")
    invited(alice)
    assert mail.outbox[0].subject == "Invitation to Bank Bcc: evil@example.org"


def test_used_link_lets_nobody_else_in(bank: Organisation, alice: User) -> None:
    link = invited(alice)
    Client().post(link, NEW)
    for answer in (Client().get(link), Client().post(link, {"name": "Eve", "password": "another lamp entirely"})):
        assert answer.status_code == 404
        assert "This link does not work" in answer.content.decode()
    assert User.objects.count() == 2


@pytest.mark.parametrize("state", [{"expires": "past"}, {"revoked": "now"}])
def test_old_and_taken_back_links_do_not_work(bank: Organisation, alice: User, state: dict[str, str]) -> None:
    link = invited(alice)
    now = timezone.now()
    if "expires" in state:
        Invitation.objects.update(created=now - timedelta(days=8), expires=now - timedelta(seconds=1))
    else:
        browser(alice).post(reverse("take_back_invitation", args=[Invitation.objects.get().pk]))
    assert Client().post(link, NEW).status_code == 404
    assert not User.objects.filter(email="bob@example.org").exists()


@pytest.mark.parametrize("token", ["x", "A" * 43, "%00", "..", "%F0%9F%98%80", "a" * 3000])
def test_forged_links_do_not_work(alice: User, token: str) -> None:
    invited(alice)
    assert Client().get(f"/invitation/{token}/").status_code == 404


def test_new_invitation_for_the_same_ends_the_old_one(alice: User) -> None:
    old, new = invited(alice), invited(alice)
    assert Client().get(old).status_code == 404
    assert Client().get(new).status_code == 200


def test_person_with_an_account_signs_in_to_accept(bank: Organisation, alice: User) -> None:
    bob = person("Bob")
    link = invited(alice)
    client = Client()
    assert client.get(link).headers["Location"] == f"/sign-in/?next={link}"
    assert client.post(link, NEW).status_code == 302
    assert not selectors.roles_of(bob, bank)
    assert sign_in(client, bob, PASSWORD, next=link).headers["Location"] == link
    assert client.post(link).headers["Location"] == "/"
    assert selectors.roles_of(bob, bank) == {Role.AUDITOR}
    assert bob.check_password(PASSWORD)


def test_eve_cannot_use_the_invitation_of_bob(bank: Organisation, alice: User) -> None:
    link = invited(alice)
    eve = person("Eve")
    answer = browser(eve).post(link, NEW)
    assert answer.status_code == 403
    assert "somebody else" in answer.content.decode()
    assert not selectors.roles_of(eve, bank)
    assert not User.objects.filter(email="bob@example.org").exists()


def test_two_clicks_at_once_make_one_member(bank: Organisation, alice: User) -> None:
    invitation, _ = people.invite(bank, "bob@example.org", Role.AUDITOR, by=alice)
    bob = person("Bob")
    people.accept(invitation, bob)
    with pytest.raises(people.PeopleProblem, match="no longer open"):
        people.accept(invitation, bob)
    assert Membership.objects.filter(user=bob).count() == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "", "password": NEW["password"]}, "This field is required."),
        ({"name": "Bob", "password": "short"}, "too short"),
        ({"name": "Bob", "password": "bob@example.org"}, "too similar"),
        ({"name": "x" * 300, "password": NEW["password"]}, "at most 200 characters"),
    ],
)
def test_bad_choice_of_the_invited_says_what_is_wrong(alice: User, given: dict[str, str], said: str) -> None:
    link = invited(alice)
    assert said in Client().post(link, given).content.decode()
    assert Client().get(link).status_code == 200


@pytest.mark.parametrize(
    ("email", "role", "said"),
    [
        ("no address", "auditor", "Enter a valid email address."),
        ("bob@example.org", "king", "Select a valid choice."),
        ("bob@example.org", "service_account", "Select a valid choice."),
        ("alice@example.org", "administrator", "Alice is administrator of Nordbank already."),
    ],
)
def test_bad_invitation_says_what_is_wrong(bank: Organisation, alice: User, email: str, role: str, said: str) -> None:
    page = browser(alice).post(reverse("invite"), {"email": email, "role": role}).content.decode()
    assert said in page
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "king"},
        {"role": "service_account"},
        {"email": "Bob@example.org"},
        {"expires": timezone.now() - timedelta(days=9)},
        {"accepted": timezone.now(), "revoked": timezone.now()},
    ],
)
def test_database_refuses_invitations_that_make_no_sense(bank: Organisation, alice: User, wrong: dict[str, object]) -> None:
    invitation, _ = people.invite(bank, "bob@example.org", Role.AUDITOR, by=alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        Invitation.objects.filter(pk=invitation.pk).update(**wrong)


def change(by: User, deed: str, member: User, role: str = ""):
    return browser(by).post(reverse(deed, args=[member.pk]), {"role": role}, follow=True).content.decode()


def test_roles_are_given_and_taken_and_recorded(bank: Organisation, alice: User) -> None:
    bob = person("Bob", bank, Role.AUDITOR)
    assert "Bob is risk owner now." in change(alice, "give_role", bob, "risk_owner")
    assert "Bob is no longer auditor." in change(alice, "take_role", bob, "auditor")
    assert selectors.roles_of(bob, bank) == {Role.RISK_OWNER}
    assert actions(bank)[-2:] == ["role given", "role taken"]


def test_administrator_cannot_give_themselves_a_role(bank: Organisation, alice: User) -> None:
    assert "You cannot give yourself a role." in change(alice, "give_role", alice, "risk_owner")
    assert selectors.roles_of(alice, bank) == {Role.ADMINISTRATOR}


def test_last_administrator_stays(bank: Organisation, alice: User) -> None:
    assert "Alice is the last administrator of Nordbank. Name another one first." in change(alice, "take_role", alice, "administrator")
    assert selectors.roles_of(alice, bank) == {Role.ADMINISTRATOR}


@pytest.mark.parametrize(
    ("role", "said"),
    [("", "Choose a role from the list."), ("king", "Choose a role from the list."), ("\x00", "a sign that cannot be kept")],
)
def test_unknown_role_is_refused(bank: Organisation, alice: User, role: str, said: str) -> None:
    bob = person("Bob", bank, Role.AUDITOR)
    assert said in change(alice, "give_role", bob, role)


def test_person_switched_off_is_out_and_back_when_switched_on(bank: Organisation, alice: User) -> None:
    bob = person("Bob", bank, Role.AUDITOR)
    client = browser(bob)
    change(alice, "switch_off", bob)
    assert client.get("/").status_code == 302
    assert "switched off" in sign_in(Client(), bob).content.decode()
    change(alice, "switch_on", bob)
    assert sign_in(Client(), bob).status_code == 302
    assert [deed for deed in actions(bank) if "switched" in deed] == ["switched off", "switched on"]


def test_nobody_switches_themselves_off(bank: Organisation, alice: User) -> None:
    person("Carol", bank, Role.ADMINISTRATOR)
    assert "You cannot switch yourself off." in change(alice, "switch_off", alice)
    assert User.objects.get(pk=alice.pk).is_active


def test_who_works_elsewhere_too_is_not_one_organisations_to_switch_off(bank: Organisation, alice: User) -> None:
    bob = person("Bob", bank, Role.AUDITOR)
    services.add_member(services.create_organisation("Other"), bob, Role.AUDITOR)
    assert "Bob works for another organisation too" in change(alice, "switch_off", bob)
    assert User.objects.get(pk=bob.pk).is_active


POSTS = ["give_role", "take_role", "switch_off", "switch_on"]


@pytest.mark.parametrize("deed", POSTS)
def test_people_of_another_organisation_cannot_be_reached(alice: User, deed: str) -> None:
    other = services.create_organisation("Other")
    victim = person("Victim", other, Role.AUDITOR, Role.ADMINISTRATOR)
    assert browser(alice).post(reverse(deed, args=[victim.pk]), {"role": "auditor"}).status_code == 404
    assert selectors.roles_of(victim, other) == {Role.AUDITOR, Role.ADMINISTRATOR}


def test_invitation_of_another_organisation_cannot_be_taken_back(alice: User) -> None:
    other = services.create_organisation("Other")
    invitation, token = people.invite(other, "bob@example.org", Role.AUDITOR, by=person("Carol", other, Role.ADMINISTRATOR))
    assert browser(alice).post(reverse("take_back_invitation", args=[invitation.pk])).status_code == 404
    assert people.invitation_of(token)


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_only_administrators_manage_people(bank: Organisation, alice: User, role: Role) -> None:
    client = browser(person("Bob", bank, role))
    assert client.get(reverse("people")).status_code == 403
    assert client.post(reverse("invite"), {"email": "eve@example.org", "role": "auditor"}).status_code == 403
    for deed in POSTS:
        assert client.post(reverse(deed, args=[alice.pk]), {"role": "administrator"}).status_code == 403
    assert not Invitation.objects.exists()
    assert User.objects.get(pk=alice.pk).is_active


def test_stranger_is_told_there_is_no_such_page(alice: User) -> None:
    client = browser(person("Stranger"))
    assert client.get(reverse("people")).status_code == 404
    assert client.post(reverse("invite"), {"email": "eve@example.org", "role": "auditor"}).status_code == 404
    assert client.post(reverse("switch_off", args=[alice.pk])).status_code == 404


def test_page_shows_names_as_text(bank: Organisation, alice: User) -> None:
    services.add_member(bank, services.create_user("m@example.org", "<script>alert(1)</script>"), Role.AUDITOR)
    page = browser(alice).get(reverse("people")).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page

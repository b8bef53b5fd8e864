"""People from the command line, where the first ones come from."""

import re
from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from accounts import selectors
from accounts.models import Organisation, User
from accounts.roles import Role

pytestmark = pytest.mark.django_db


def said(*arguments: str, **options: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


def test_demo_people_can_sign_in_with_what_was_printed() -> None:
    lines = re.findall(r"^  (\S+) +(\S+)$", said("demo_people"), re.MULTILINE)
    assert len(lines) == 5
    for email, password in lines:
        assert authenticate(username=email, password=password)
        assert User.objects.get(email=email).name.startswith("Demo ")


def test_demo_passwords_are_printed_once() -> None:
    said("demo_people")
    assert "exist already" in said("demo_people")
    assert User.objects.count() == 5
    assert selectors.verify_chain(Organisation.objects.get(slug="demo")).intact


def test_first_person_of_an_installation() -> None:
    text = said("add_person", "Ann@Example.org", name="Ann", organisation="nordbank", role="administrator")
    password = re.search(r"password (\S+)", text)
    assert password
    assert authenticate(username="ann@example.org", password=password.group(1))
    assert "Ann is administrator of nordbank." in text


def test_known_person_gets_a_second_role_and_no_new_password() -> None:
    said("add_person", "ann@example.org", name="Ann", organisation="nordbank", role="auditor")
    assert "password" not in said("add_person", "ann@example.org", organisation="nordbank", role="model_owner")
    assert selectors.roles_of(User.objects.get(), Organisation.objects.get()) == {Role.AUDITOR, Role.MODEL_OWNER}


@pytest.mark.parametrize(
    ("email", "options", "message"),
    [
        ("ann@example.org", {"organisation": "nordbank", "role": "auditor"}, "give their name with --name"),
        ("not an address", {"name": "Ann", "organisation": "nordbank", "role": "auditor"}, "valid email address"),
        ("ann@example.org", {"name": "Ann", "organisation": "Nord Bank!", "role": "auditor"}, "slug"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(email: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        said("add_person", email, **options)
    assert not User.objects.exists()
    assert not Organisation.objects.exists()

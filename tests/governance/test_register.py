"""The register: versions never change, nothing crosses the wall between organisations, nothing is half-saved."""

from __future__ import annotations

import hashlib
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts import services as people
from accounts.models import AuditEntry, Organisation, User
from accounts.roles import Role
from accounts.selectors import verify_chain
from governance import selectors, services
from governance.errors import RegistryProblem
from governance.facts import DatasetFacts, ModelFacts
from governance.models import AISystem, Artifact, Dataset, DatasetVersion, ModelVersion, RegisteredModel

FACTS = ModelFacts("skops", "RandomForestClassifier", ("<=50K", ">50K"), ("age", "sex"), "scores")
TABLE = DatasetFacts("table", 3, ("age", "sex", "income"), {"rows": 3})
COLUMNS = ({"name": "sex", "kind": "category", "roles": ["protected", "sensitive"], "values": 2, "special_category": False},)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(settings: Any, tmp_path: Path) -> Path:
    settings.INVERSIGHT_HOME = tmp_path / "home"
    settings.ARTIFACTS, settings.WORK = settings.INVERSIGHT_HOME / "artifacts", settings.INVERSIGHT_HOME / "work"
    return tmp_path / "home"


def member(name: str, organisation: Organisation, role: Role = Role.MODEL_OWNER) -> User:
    user = people.create_user(f"{name}@example.org", name)
    people.add_member(organisation, user, role)
    return user


@pytest.fixture
def bank() -> Organisation:
    return people.create_organisation("Nordbank")


@pytest.fixture
def clinic() -> Organisation:
    return people.create_organisation("Clinic")


@pytest.fixture
def alice(bank: Organisation) -> User:
    return member("alice", bank)


@pytest.fixture
def charlie(clinic: Organisation) -> User:
    """A stranger: model owner elsewhere."""
    return member("charlie", clinic)


@pytest.fixture
def system(bank: Organisation, alice: User) -> AISystem:
    return services.register_system(by=alice, organisation=bank, name="Loans")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "income.skops"
    path.write_bytes(b"a model")
    return path


@pytest.fixture
def version(bank: Organisation, alice: User, system: AISystem, file: Path) -> ModelVersion:
    return services.register_model_version(by=alice, organisation=bank, system=system, name="Income", path=file, facts=FACTS)


@pytest.fixture
def data(bank: Organisation, alice: User, tmp_path: Path) -> DatasetVersion:
    return register_data(bank, alice, tmp_path, b"age,sex,income\n")


def register_data(organisation: Organisation, by: User, folder: Path, content: bytes, **more: Any) -> DatasetVersion:
    path = folder / "adult.csv"
    path.write_bytes(content)
    arguments = {
        "name": "Adult train",
        "facts": TABLE,
        "columns": COLUMNS,
        "legal_basis": "6(1)(f)",
        "retention_until": date(2027, 1, 1),
        **more,
    }
    return services.register_dataset_version(by=by, organisation=organisation, path=path, **arguments)


def path_of(artifact: Artifact, home: Path) -> Path:
    return home / "artifacts" / selectors.artifact_name(artifact)


def files_in(home: Path, organisation: Organisation) -> list[str]:
    folder = home / "artifacts" / str(organisation.pk)
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_bytes_are_kept_under_their_hash_for_their_owner_alone(bank: Organisation, home: Path) -> None:
    artifact = services.store_artifact(bank, io.BytesIO(b"a model"))
    assert artifact.sha256 == hashlib.sha256(b"a model").hexdigest()
    assert artifact.bytes == 7
    path = path_of(artifact, home)
    assert path == home / "artifacts" / str(bank.pk) / artifact.sha256
    assert path.read_bytes() == b"a model"
    assert path.stat().st_mode & 0o077 == path.parent.stat().st_mode & 0o077 == 0


def test_same_bytes_are_stored_once_per_organisation(bank: Organisation, clinic: Organisation, home: Path) -> None:
    first, again, elsewhere = (services.store_artifact(o, io.BytesIO(b"x")) for o in (bank, bank, clinic))
    assert first == again != elsewhere
    assert len(files_in(home, bank)) == len(files_in(home, clinic)) == 1


def test_damaged_file_is_mended_by_the_same_upload(bank: Organisation, home: Path) -> None:
    artifact = services.store_artifact(bank, io.BytesIO(b"whole"))
    path_of(artifact, home).write_bytes(b"w")
    services.store_artifact(bank, io.BytesIO(b"whole"))
    assert path_of(artifact, home).read_bytes() == b"whole"


def test_large_stream_is_hashed_in_pieces(bank: Organisation) -> None:
    content = bytes(range(256)) * 10_000
    assert services.store_artifact(bank, io.BytesIO(content)).sha256 == hashlib.sha256(content).hexdigest()


class Breaking(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        raise ConnectionResetError


def test_empty_missing_or_broken_upload_leaves_nothing(bank: Organisation, home: Path, tmp_path: Path) -> None:
    with pytest.raises(RegistryProblem, match="The file is empty"):
        services.store_artifact(bank, io.BytesIO(b""))
    with pytest.raises(RegistryProblem, match=r"^absent\.skops cannot be read: No such file"):
        services.store_artifact(bank, tmp_path / "absent.skops")
    with pytest.raises(RegistryProblem, match="cannot be read: Is a directory"):
        services.store_artifact(bank, tmp_path)
    with pytest.raises(ConnectionResetError):
        services.store_artifact(bank, Breaking())
    assert files_in(home, bank) == []
    assert not Artifact.objects.exists()


def test_versions_count_up_and_the_same_model_is_the_same_version(
    version: ModelVersion, alice: User, bank: Organisation, system: AISystem, file: Path
) -> None:
    def register(facts: ModelFacts = FACTS) -> ModelVersion:
        return services.register_model_version(by=alice, organisation=bank, system=system, name=" Income ", path=file, facts=facts)

    assert (version.number, version.model.owner, version.classes) == (1, alice, ["<=50K", ">50K"])
    assert register() == version
    file.write_bytes(b"another model")
    assert register().number == 2
    file.write_bytes(b"a model")
    assert register() == version
    assert register(ModelFacts("skops", "RandomForestClassifier", ("a", "b"), (), "label")).number == 3


def test_same_data_with_another_purpose_is_another_version(data: DatasetVersion, bank: Organisation, alice: User, tmp_path: Path) -> None:
    assert register_data(bank, alice, tmp_path, b"age,sex,income\n") == data
    assert register_data(bank, alice, tmp_path, b"age,sex,income\n", purpose_of_test="screening").number == 2
    data.refresh_from_db()
    assert (data.columns, data.profile, data.retention_until) == (list(COLUMNS), {"rows": 3}, date(2027, 1, 1))


def test_registering_is_written_into_an_intact_trail(version: ModelVersion, data: DatasetVersion, bank: Organisation) -> None:
    entries = AuditEntry.objects.filter(organisation=bank, action="registered")
    assert [e.object.split(":")[0] for e in entries] == ["governance.aisystem", "governance.modelversion", "governance.datasetversion"]
    assert verify_chain(bank).intact


@pytest.mark.parametrize("model", [ModelVersion, DatasetVersion, Artifact])
def test_database_refuses_to_change_a_version_or_file(version: ModelVersion, data: DatasetVersion, model: type[Any]) -> None:
    row = model.objects.first()
    with pytest.raises(DatabaseError, match="never changes"), transaction.atomic():
        row.save()
    column = "bytes" if model is Artifact else "number"
    with pytest.raises(DatabaseError, match="never changes"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {model._meta.db_table} SET {column} = 99")


def test_database_refuses_links_across_organisations(
    version: ModelVersion, data: DatasetVersion, clinic: Organisation, charlie: User
) -> None:
    theirs = Artifact.objects.create(organisation=clinic, sha256="0" * 64, bytes=1)
    foreign = [
        lambda: RegisteredModel.objects.create(organisation=clinic, system=version.model.system, name="x", owner=charlie),
        lambda: RegisteredModel.objects.update(system=AISystem.objects.create(organisation=clinic, name="y")),
        lambda: ModelVersion.objects.create(
            organisation=clinic, model=version.model, number=9, artifact=theirs, access="label", registered_by=charlie
        ),
        lambda: ModelVersion.objects.create(
            organisation=version.organisation, model=version.model, number=9, artifact=theirs, access="label", registered_by=charlie
        ),
        lambda: DatasetVersion.objects.create(
            organisation=clinic, dataset=data.dataset, number=9, artifact=theirs, kind="table", records=1, registered_by=charlie
        ),
        lambda: DatasetVersion.objects.create(
            organisation=data.organisation, dataset=data.dataset, number=9, artifact=theirs, kind="table", records=1, registered_by=charlie
        ),
    ]
    for create in foreign:
        with pytest.raises(DatabaseError, match="another organisation"), transaction.atomic():
            create()


@pytest.mark.parametrize("model", [AISystem, RegisteredModel, Dataset])
def test_nothing_moves_to_another_organisation(version: ModelVersion, data: DatasetVersion, clinic: Organisation, model: type[Any]) -> None:
    with pytest.raises(DatabaseError, match="another organisation"), transaction.atomic():
        model.objects.update(organisation=clinic)
    model.objects.update(name="renamed")


@pytest.mark.parametrize(
    "row",
    [
        {"sha256": "x" * 64, "bytes": 1},
        {"sha256": "../../etc/passwd", "bytes": 1},
        {"sha256": "a" * 64, "bytes": 0},
    ],
)
def test_database_refuses_a_file_that_cannot_be(bank: Organisation, row: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Artifact.objects.create(organisation=bank, **row)


def test_stranger_cannot_see_or_register_anything(
    version: ModelVersion, data: DatasetVersion, bank: Organisation, charlie: User, file: Path
) -> None:
    for user in (charlie, AnonymousUser()):
        for visible in (selectors.systems_visible_to, selectors.models_visible_to, selectors.model_versions_visible_to):
            assert not visible(user).exists()
        for visible in (selectors.datasets_visible_to, selectors.dataset_versions_visible_to):
            assert not visible(user).exists()
    with pytest.raises(PermissionDenied):
        services.register_system(by=charlie, organisation=bank, name="Mine now")
    with pytest.raises(PermissionDenied):
        services.register_model_version(by=charlie, organisation=bank, system=version.model.system, name="Income", path=file, facts=FACTS)
    with pytest.raises(PermissionDenied):
        register_data(bank, charlie, file.parent, b"x")


def test_system_of_another_organisation_cannot_be_used(system: AISystem, clinic: Organisation, charlie: User, file: Path) -> None:
    with pytest.raises(PermissionDenied, match="another organisation"):
        services.register_model_version(by=charlie, organisation=clinic, system=system, name="x", path=file, facts=FACTS)


@pytest.mark.parametrize(("role", "sees"), [(Role.AUDITOR, True), (Role.PRIVACY_OFFICER, True), (Role.ADMINISTRATOR, False)])
def test_colleague_sees_what_the_role_allows_and_may_not_register(
    version: ModelVersion, bank: Organisation, role: Role, sees: bool
) -> None:
    bob = member("bob", bank, role)
    assert selectors.models_visible_to(bob).exists() is sees
    assert selectors.model_versions_visible_to(bob).exists() is sees
    with pytest.raises(PermissionDenied):
        services.register_system(by=bob, organisation=bank, name="New")


def test_refused_registration_leaves_no_row_and_no_file(bank: Organisation, alice: User, system: AISystem, file: Path, home: Path) -> None:
    entries = AuditEntry.objects.count()
    wrong = ModelFacts("skops", "x", (), (), "root")
    with pytest.raises(RegistryProblem, match="The model version cannot be registered: access: Value 'root' is not a valid choice"):
        services.register_model_version(by=alice, organisation=bank, system=system, name="Income", path=file, facts=wrong)
    assert not RegisteredModel.objects.exists()
    assert not Artifact.objects.exists()
    assert files_in(home, bank) == []
    assert AuditEntry.objects.count() == entries


def test_refused_registration_keeps_a_file_others_refer_to(
    version: ModelVersion, bank: Organisation, alice: User, file: Path, home: Path
) -> None:
    wrong = ModelFacts("skops", "x", (), (), "root")
    with pytest.raises(RegistryProblem):
        services.register_model_version(by=alice, organisation=bank, system=version.model.system, name="Other", path=file, facts=wrong)
    assert files_in(home, bank) == [version.artifact.sha256]


def test_several_registrations_fail_together_with_their_files(
    bank: Organisation, alice: User, system: AISystem, file: Path, home: Path
) -> None:
    kept = services.store_artifact(bank, io.BytesIO(b"kept"))

    def register_both() -> None:
        with services.all_or_nothing(bank):
            services.register_model_version(by=alice, organisation=bank, system=system, name="Income", path=file, facts=FACTS)
            register_data(bank, alice, file.parent, b"")

    with pytest.raises(RegistryProblem, match="The file is empty"):
        register_both()
    assert files_in(home, bank) == [kept.sha256]
    assert not ModelVersion.objects.exists()


def test_name_taken_by_another_system_is_refused(version: ModelVersion, bank: Organisation, alice: User, file: Path) -> None:
    other = services.register_system(by=alice, organisation=bank, name="Fraud")
    with pytest.raises(RegistryProblem, match="belongs to the AI system 'Loans' already"):
        services.register_model_version(by=alice, organisation=bank, system=other, name="Income", path=file, facts=FACTS)


def test_system_named_twice_is_one_system_and_needs_a_name(system: AISystem, bank: Organisation, alice: User) -> None:
    assert services.register_system(by=alice, organisation=bank, name=" Loans ") == system
    with pytest.raises(RegistryProblem, match="name"):
        services.register_system(by=alice, organisation=bank, name="  ")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"columns": [{"name": "height", "roles": []}]}, "Column 'height' is not in the file, which has age, sex, income"),
        ({"columns": [*COLUMNS, *COLUMNS]}, "Column 'sex' is described twice"),
        ({"columns": [{"name": "sex", "roles": ["secret"]}]}, "has the role 'secret'; the roles are target, sensitive"),
        ({"columns": [{"roles": []}]}, "Column None is not in the file"),
        ({"facts": DatasetFacts("images", 3, (), {})}, "Pictures have no columns"),
        ({"facts": DatasetFacts("sound", 3, ("sex",), {})}, "kind: Value 'sound' is not a valid choice"),
        ({"facts": DatasetFacts("table", 0, ("sex",), {})}, "cannot be registered"),
        ({"facts": DatasetFacts("table", 3, ("sex",), {"mean": float("nan")})}, "The profile cannot be stored"),
        ({"name": "  "}, "The dataset cannot be registered: name"),
        ({"controller": "x" * 201}, "controller: Ensure this value has at most 200 characters"),
    ],
)
def test_hostile_description_is_refused_and_leaves_nothing(
    bank: Organisation, alice: User, tmp_path: Path, home: Path, more: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(RegistryProblem, match=sentence):
        register_data(bank, alice, tmp_path, b"age,sex,income\n", **more)
    assert files_in(home, bank) == []
    assert not Dataset.objects.exists()

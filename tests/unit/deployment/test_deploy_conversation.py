"""A deployment of a stage: what it looks at, shows, asks, does, and leaves, whatever it finds."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import pytest

from infra.console import Console
from infra.deploy import deployment, health
from infra.deploy.deployment import Outcome, Request
from infra.deploy.errors import DeploymentFailed
from infra.deploy.release import File, Release, ReleaseInvalid
from infra.deploy.release.history import History
from infra.deploy.stage import Database, Stage
from tests.fakes.cloudformation import AccountFake, FormationFake, LambdaFake, S3Fake, SecretsFake, change, refused

BUCKET = "artstore-artifacts-111122223333-eu-central-1"
URL = "postgresql://u:geheim@db.example/artstore?sslmode=verify-full&sslrootcert=/opt/python/botocore/cacert.pem"
TEMPLATE = """
Parameters:
  LogLevel: {Type: String, Default: INFO}
Resources:
  EditBucket: {Type: AWS::S3::Bucket, DeletionPolicy: RetainExceptOnCreate}
  AttemptsTable: {Type: AWS::DynamoDB::Table, DeletionPolicy: Delete}
"""


def _stage(**database: Any) -> Stage:
    kept = {"secret": "artstore/database", "migrate": "elsewhere", **database}
    return Stage("test", "eu-central-1", "artstore", "artstore", Database(**kept), "arm64", "111122223333", {})


def _release(**parameters: str) -> Release:
    file = File("template.yaml", "template/0.yaml", "00" * 32, 1)
    return Release(
        "test",
        "c0ffee" * 5,
        "2026-11-22",
        False,
        "0002",
        "3.13",
        "arm64",
        True,
        file,
        {},
        {"Prefix": "artstore"} | parameters,
    )


class World:
    """One deployment with everything it speaks to."""

    def __init__(self, formation: FormationFake, tmp_path: Path) -> None:
        self.formation = formation
        self.s3 = S3Fake()
        self.secrets = SecretsFake(**{"artstore/database": URL})
        self.bootstrap = LambdaFake({"created": True, "client_id": "sa_1", "client_secret": "s3cr3t"})
        self.file = tmp_path / "template.yaml"
        self.file.write_text(TEMPLATE)
        self.shown: list[tuple[str, str]] = []
        self.questions = 0
        self.account = AccountFake(
            cloudformation=formation, s3=self.s3, secretsmanager=self.secrets, **{"lambda": self.bootstrap}
        )

    def deploy(
        self, agreed: bool = True, release: Release | None = None, at_terminal: bool = True, **more: Any
    ) -> Outcome:
        def approve() -> bool:
            self.questions += 1
            return agreed

        stage = more.pop("stage", _stage())
        files = more.pop("files", {"template/0.yaml": self.file})
        reveal = self._see if at_terminal else None
        request = Request(stage, self.account, release or _release(), files, approve, reveal, **more)
        return deployment.deploy(request, Console())

    def _see(self, client_id: str, client_secret: str) -> None:
        self.shown.append((client_id, client_secret))

    @property
    def history(self) -> History:
        return History(self.account, BUCKET, "artstore")


@pytest.fixture(autouse=True)
def _healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "await_ready", lambda url: f"{url} ok")


def test_a_first_deployment_creates_protects_shows_the_administrator_and_remembers(tmp_path: Path) -> None:
    world = World(FormationFake(None, "CREATE_COMPLETE", template=TEMPLATE), tmp_path)
    assert world.deploy() is Outcome.DEPLOYED
    assert world.formation.request["ChangeSetType"] == "CREATE"
    assert world.formation.request["TemplateURL"].endswith(f"/{BUCKET}/template/0.yaml")
    assert {"ParameterKey": "DatabaseSecretArn", "ParameterValue": "artstore/database"} in world.formation.request[
        "Parameters"
    ]
    assert world.formation.protected
    assert world.formation.policies[-1]["Statement"][1]["Resource"] == ["LogicalResourceId/EditBucket"]
    assert world.shown == [("sa_1", "s3cr3t")]
    assert [(each.release, each.change) for each in world.history.deployments()] == [(_release().id, "created")]


def test_what_the_storage_guard_had_added_to_policies_is_put_back_after_each_deployment(tmp_path: Path) -> None:
    """A changed template replaces a bucket's policy, and with it what closes read-only storage elements."""
    formation = FormationFake("UPDATE_COMPLETE", "UPDATE_COMPLETE", template=TEMPLATE)
    formation.further_outputs = {"StorageGuardFunctionName": "artstore-storage-guard"}
    world = World(formation, tmp_path)
    world.bootstrap.answer |= {"corrected": ["artstore-rw"]}
    assert world.deploy() is Outcome.DEPLOYED
    assert world.bootstrap.calls[0] == {"task": "guard-storage"}


def _given(formation: FormationFake, name: str) -> list[str]:
    return [each["ParameterValue"] for each in formation.request["Parameters"] if each["ParameterKey"] == name]


def test_tables_are_protected_once_the_stack_is_there_so_that_a_failed_creation_can_be_rolled_back(
    tmp_path: Path,
) -> None:
    release = _release(DeletionProtection="true")
    failing = FormationFake(None, "ROLLBACK_COMPLETE", template=TEMPLATE)
    with pytest.raises(DeploymentFailed):
        World(failing, tmp_path).deploy(release=release)
    assert _given(failing, "DeletionProtection") == ["false"]

    formation = FormationFake(None, "CREATE_COMPLETE", "UPDATE_COMPLETE", template=TEMPLATE)
    world = World(formation, tmp_path)
    assert world.deploy(release=release) is Outcome.DEPLOYED
    assert formation.calls == ["create change set", "execute", "create change set", "execute"]
    assert formation.request["ChangeSetType"] == "UPDATE"
    assert _given(formation, "DeletionProtection") == ["true"]
    assert world.questions == 1


def test_a_stage_that_wants_no_protected_tables_is_made_in_one_step(tmp_path: Path) -> None:
    formation = FormationFake(None, "CREATE_COMPLETE", template=TEMPLATE)
    World(formation, tmp_path).deploy(release=_release(DeletionProtection="false"))
    assert formation.calls == ["create change set", "execute"]


def test_log_groups_that_are_kept_are_not_precious(tmp_path: Path) -> None:
    kept = "{Type: AWS::Logs::LogGroup, DeletionPolicy: RetainExceptOnCreate}"
    formation = FormationFake(None, "CREATE_COMPLETE", template=f"{TEMPLATE}  LogGroup: {kept}\n")
    World(formation, tmp_path).deploy()
    assert formation.policies[-1]["Statement"][1]["Resource"] == ["LogicalResourceId/EditBucket"]


def test_the_artifacts_bucket_lets_nobody_in_and_keeps_what_is_overwritten(tmp_path: Path) -> None:
    world = World(FormationFake(None, "CREATE_COMPLETE"), tmp_path)
    world.deploy()
    assert all(world.s3.settings["put_public_access_block"]["PublicAccessBlockConfiguration"].values())
    assert world.s3.settings["put_bucket_versioning"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert '"aws:SecureTransport": "false"' in world.s3.settings["put_bucket_policy"]["Policy"]


@pytest.mark.parametrize("status", [None, "REVIEW_IN_PROGRESS", "UPDATE_COMPLETE"])
def test_what_is_not_agreed_to_leaves_nothing(tmp_path: Path, status: str | None) -> None:
    world = World(FormationFake(status, template=TEMPLATE), tmp_path)
    assert world.deploy(agreed=False) is Outcome.DECLINED
    assert "execute" not in world.formation.calls
    assert world.formation.change_sets == {}
    assert world.formation.status == ("UPDATE_COMPLETE" if status == "UPDATE_COMPLETE" else None)
    assert world.bootstrap.calls == []


def test_ctrl_c_at_the_question_leaves_nothing(tmp_path: Path) -> None:
    world = World(FormationFake(None), tmp_path)

    def interrupt() -> bool:
        raise KeyboardInterrupt

    request = Request(_stage(), world.account, _release(), {"template/0.yaml": world.file}, interrupt)
    with pytest.raises(KeyboardInterrupt):
        deployment.deploy(request, Console())
    assert world.formation.change_sets == {}
    assert world.formation.status is None


def test_the_same_again_asks_nothing_and_finishes_what_a_crash_left_out(tmp_path: Path) -> None:
    world = World(FormationFake("CREATE_COMPLETE", changes=[], template=TEMPLATE), tmp_path)
    assert world.deploy() is Outcome.UNCHANGED
    assert world.questions == 0
    assert world.formation.protected
    assert world.shown == [("sa_1", "s3cr3t")]
    kept = world.s3.buckets[BUCKET]
    for key in [each for each in kept if "/deployments/" in each]:
        kept["artstore/deployments/2020-01-01T00:00:00Z.json"] = kept.pop(key)
    world.deploy()
    assert len(world.history.deployments()) == 1


def test_a_change_set_left_by_a_crash_is_cleared_away(tmp_path: Path) -> None:
    world = World(FormationFake("REVIEW_IN_PROGRESS", "CREATE_COMPLETE"), tmp_path)
    world.formation.change_sets = {"arn:1": "artstore-0a1b2c"}
    assert world.deploy() is Outcome.DEPLOYED
    assert world.formation.request["ChangeSetType"] == "CREATE"


def test_a_creation_that_was_rolled_back_is_made_anew(tmp_path: Path) -> None:
    world = World(FormationFake("ROLLBACK_COMPLETE", "DELETE_COMPLETE", "CREATE_COMPLETE"), tmp_path)
    assert world.deploy() is Outcome.DEPLOYED
    assert world.formation.calls == ["delete", "create change set", "execute"]


@pytest.mark.parametrize("status", ["CREATE_FAILED", "ROLLBACK_FAILED", "DELETE_FAILED"])
def test_a_stack_that_only_a_person_can_judge_is_left_alone(tmp_path: Path, status: str) -> None:
    world = World(FormationFake(status), tmp_path)
    with pytest.raises(DeploymentFailed, match=status):
        world.deploy()
    assert world.formation.calls == []


def test_a_rollback_that_failed_is_gone_on_with_first(tmp_path: Path) -> None:
    world = World(FormationFake("UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE"), tmp_path)
    assert world.deploy() is Outcome.DEPLOYED


def test_a_failed_update_tells_the_cause_and_that_the_old_version_serves(tmp_path: Path) -> None:
    world = World(FormationFake("UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"), tmp_path)
    with pytest.raises(DeploymentFailed, match=r"(?s)Bucket .*it is taken.*version of before serves on"):
        world.deploy()
    assert world.history.deployments() == []


@pytest.mark.parametrize(
    "loss",
    [
        change("Modify", "EditBucket", "AWS::S3::Bucket", Replacement="True"),
        change("Remove", "EditBucket", "AWS::S3::Bucket", PolicyAction="Retain"),
    ],
)
def test_what_holds_data_is_not_replaced_or_removed_unless_it_is_named(
    tmp_path: Path, loss: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(FormationFake("UPDATE_COMPLETE", "UPDATE_COMPLETE", changes=[loss], template=TEMPLATE), tmp_path)
    with pytest.raises(DeploymentFailed, match='ALLOW_LOSS="EditBucket"'):
        world.deploy()
    assert "PRECIOUS: EditBucket" in capsys.readouterr().err
    assert (world.questions, world.formation.change_sets) == (0, {})
    assert world.deploy(may_be_lost=["EditBucket"]) is Outcome.DEPLOYED
    during, after = world.formation.policies
    assert len(during["Statement"]) == 1
    assert after["Statement"][1]["Resource"] == ["LogicalResourceId/EditBucket"]


def test_what_may_be_lost_is_replaced_with_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loss = change("Modify", "AttemptsTable", "AWS::DynamoDB::Table", Replacement="True", PolicyAction="Delete")
    world = World(FormationFake("UPDATE_COMPLETE", "UPDATE_COMPLETE", changes=[loss], template=TEMPLATE), tmp_path)
    assert world.deploy() is Outcome.DEPLOYED
    assert "AttemptsTable (AWS::DynamoDB::Table) is REPLACED" in capsys.readouterr().err


def test_the_plan_shows_each_parameter_that_changes_back_to_its_default_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {"Prefix": "artstore", "LogLevel": "DEBUG", "ApiMemory": "512"}
    formation = FormationFake("UPDATE_COMPLETE", "UPDATE_COMPLETE", template=TEMPLATE, parameters=before)
    World(formation, tmp_path).deploy(release=_release(ApiMemory="1024"))
    shown = capsys.readouterr().out
    assert "ApiMemory: 512 -> 1024" in shown
    assert "LogLevel: DEBUG -> INFO" in shown
    assert "Prefix:" not in shown


def test_a_stage_where_ingest_may_replace_attributes_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for value, is_told in (("true", False), ("false", True)):
        World(FormationFake(None, "CREATE_COMPLETE"), tmp_path).deploy(
            release=_release(CreateOnlyAttributes=value)
        )
        assert ("CreateOnlyAttributes is false" in capsys.readouterr().err) is is_told


def test_compliance_is_warned_of_when_it_begins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release = _release(RetentionMode="COMPLIANCE", RetentionDays="3650")
    World(FormationFake(None, "CREATE_COMPLETE"), tmp_path).deploy(release=release)
    assert "for 3650 days nobody" in capsys.readouterr().err
    formation = FormationFake("CREATE_COMPLETE", "UPDATE_COMPLETE", parameters=dict(release.parameters))
    World(formation, tmp_path).deploy(release=release)
    assert "nobody" not in capsys.readouterr().err


def test_another_prefix_is_another_archive(tmp_path: Path) -> None:
    world = World(FormationFake("UPDATE_COMPLETE", parameters={"Prefix": "other"}), tmp_path)
    with pytest.raises(DeploymentFailed, match="prefix 'other'"):
        world.deploy()


def test_without_a_terminal_no_administrator_is_created(tmp_path: Path) -> None:
    world = World(FormationFake(None, "CREATE_COMPLETE"), tmp_path)
    world.deploy(at_terminal=False)
    assert world.bootstrap.calls == []


def test_credentials_of_another_account_stop_everything() -> None:
    stage = Stage("test", "eu-central-1", "artstore", "artstore", Database("s"), "arm64", "444455556666", {})
    with pytest.raises(DeploymentFailed, match="Nothing was touched"):
        deployment.check_account(stage, AccountFake(), Console())


def test_an_earlier_release_is_deployed_from_the_bucket_with_its_own_parameters(tmp_path: Path) -> None:
    world = World(FormationFake("UPDATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE"), tmp_path)
    first = _with_template(world, _release(LogLevel="DEBUG"))
    world.deploy(release=first, files={first.template.key: world.file})
    found = world.history.find(first.id)
    assert found == first
    assert world.deploy(release=found, files={}) is Outcome.DEPLOYED
    assert {"ParameterKey": "LogLevel", "ParameterValue": "DEBUG"} in world.formation.request["Parameters"]


@pytest.mark.parametrize("harm", ["file", "record"])
def test_an_earlier_release_that_is_no_longer_whole_is_refused(tmp_path: Path, harm: str) -> None:
    world = World(FormationFake("UPDATE_COMPLETE", "UPDATE_COMPLETE"), tmp_path)
    release = _with_template(world, _release())
    world.deploy(release=release, files={release.template.key: world.file})
    record = f"artstore/releases/{release.id}.json"
    kept = world.s3.buckets[BUCKET]
    if harm == "file":
        kept[release.template.key] = b"another template"
    else:
        kept[record] = kept[record].replace(b"0002", b"0001")
    with pytest.raises(ReleaseInvalid):
        world.history.find(release.id)


def test_a_deployer_without_the_right_to_read_the_secret_can_deploy_when_migrations_run_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(FormationFake(None, "CREATE_COMPLETE"), tmp_path)
    world.secrets.values["artstore/database"] = None
    assert world.deploy() is Outcome.DEPLOYED
    assert "infra.migrate --database-url-secret artstore/database" in capsys.readouterr().err
    world = World(FormationFake(None, "CREATE_COMPLETE"), tmp_path)
    world.secrets.values["artstore/database"] = None
    with pytest.raises(type(refused("")), match="not authorized"):
        world.deploy(stage=_stage(migrate="here"))


@pytest.mark.parametrize("role", [None, "arn:aws:iam::111122223333:role/artstore/artstore-execution"])
def test_cloudformation_executes_as_the_stages_role(tmp_path: Path, role: str | None) -> None:
    world = World(FormationFake(None, "CREATE_COMPLETE"), tmp_path)
    world.deploy(stage=dataclasses.replace(_stage(), execution_role=role))
    assert world.formation.request.get("RoleARN") == role


def test_the_password_is_never_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    World(FormationFake(None, "CREATE_COMPLETE"), tmp_path).deploy()
    shown = capsys.readouterr()
    assert "db.example" in shown.out
    assert "geheim" not in shown.out + shown.err


def _with_template(world: World, release: Release) -> Release:
    """The release with the hash of the file that there is."""
    digest = hashlib.sha256(world.file.read_bytes()).hexdigest()
    return dataclasses.replace(release, template=File("template.yaml", "template/0.yaml", digest, 1))

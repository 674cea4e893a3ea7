"""How a deployment that asks nobody meets each state in which it may find the stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra import deploy
from infra.deploy.stack import change_set
from tests.fakes.cloudformation import AccountFake, FormationFake, LambdaFake, S3Fake, change, refused


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "template.yaml"
    path.write_text("Resources: {}", "ascii")
    return path


def _deploy(formation: FormationFake, template: Path) -> deploy.Deployed:
    account = AccountFake(cloudformation=formation)
    return deploy.deploy_stack(account, "artstore", template, "artifacts", {"Prefix": "artstore"})


def test_a_stack_that_is_not_there_is_created(template: Path) -> None:
    formation = FormationFake(None, "CREATE_COMPLETE")
    deployed = _deploy(formation, template)
    assert (deployed.change, deployed.outputs["ApiId"]) == ("created", "a1")
    assert formation.request["Parameters"] == [{"ParameterKey": "Prefix", "ParameterValue": "artstore"}]


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_stack_that_is_there_is_updated(template: Path, status: str) -> None:
    formation = FormationFake(status, "UPDATE_COMPLETE")
    assert _deploy(formation, template).change == "updated"
    assert formation.calls == ["update"]


def test_a_deployment_of_the_same_changes_nothing(template: Path) -> None:
    formation = FormationFake("CREATE_COMPLETE", changes=[])
    deployed = _deploy(formation, template)
    assert (deployed.change, deployed.outputs["ApiId"]) == ("unchanged", "a1")


def test_a_creation_under_way_is_waited_for(template: Path) -> None:
    formation = FormationFake("CREATE_IN_PROGRESS", changes=[])
    assert _deploy(formation, template).change == "unchanged"


@pytest.mark.parametrize("status", ["CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"])
def test_a_stack_that_never_was_complete_is_made_anew(template: Path, status: str) -> None:
    formation = FormationFake(status, "DELETE_COMPLETE", "CREATE_COMPLETE")
    assert _deploy(formation, template).change == "created"
    assert formation.calls == ["delete", "create"]


def test_an_update_whose_rollback_failed_is_rolled_back_first(template: Path) -> None:
    formation = FormationFake("UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE")
    assert _deploy(formation, template).change == "updated"
    assert formation.calls == ["continue rollback", "update"]


def test_a_failure_names_the_resource_and_the_reason(template: Path) -> None:
    formation = FormationFake(None, "ROLLBACK_COMPLETE")
    with pytest.raises(deploy.DeploymentFailed, match=r"Bucket \(AWS::S3::Bucket\): it is taken"):
        _deploy(formation, template)


def test_what_was_cancelled_because_of_a_failure_and_what_failed_before_are_no_causes(template: Path) -> None:
    formation = FormationFake("UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
    formation.failures = [("Table", "an older story")]
    with pytest.raises(deploy.DeploymentFailed):
        _deploy(formation, template)
    formation.failures = [("Bucket", "it is taken"), ("Queue", "Resource creation cancelled")]
    with pytest.raises(deploy.DeploymentFailed) as caught:
        _deploy(formation, template)
    assert "Bucket" in str(caught.value)
    assert "Queue" not in str(caught.value)
    assert "Table" not in str(caught.value)


def test_a_refused_template_is_a_failed_deployment(template: Path) -> None:
    formation = FormationFake(None)
    formation.refusal = refused("Template format error: unsupported structure.")
    with pytest.raises(deploy.DeploymentFailed, match="Template format error"):
        _deploy(formation, template)


def test_changes_on_every_page_are_seen() -> None:
    wanted = [change("Add", f"Function{number}") for number in range(5)]
    made = change_set.create(FormationFake(None, changes=wanted), "artstore", True, "https://t", {}, "")
    assert made is not None
    assert [each.logical_id for each in made.changes] == [f"Function{number}" for number in range(5)]


def test_a_change_set_that_somebody_else_discarded_is_not_executed() -> None:
    formation = FormationFake("UPDATE_COMPLETE")
    made = change_set.create(formation, "artstore", False, "https://t", {}, "")
    assert made is not None
    formation.change_sets.clear()
    with pytest.raises(deploy.DeploymentFailed, match="Nothing was changed"):
        change_set.execute(formation, made)


def test_only_change_sets_of_ours_are_cleared_away() -> None:
    formation = FormationFake("UPDATE_COMPLETE")
    formation.change_sets = {"arn:1": "artstore-0a1b2c", "arn:2": "of-an-administrator"}
    assert change_set.discard_left_over(formation, "artstore") == 1
    assert list(formation.change_sets) == ["arn:2"]


def test_files_are_uploaded_once_and_again_when_they_are_not_whole(tmp_path: Path) -> None:
    s3 = S3Fake()
    account = AccountFake(s3=s3)
    bucket = deploy.artifacts_bucket(account, "artstore")
    path = tmp_path / "auth.zip"
    path.write_bytes(b"zip")
    assert [deploy.upload_artifacts(account, bucket, {"auth/1.zip": path}) for _ in range(2)] == [1, 0]
    s3.buckets[bucket]["auth/1.zip"] = b"ziq"
    assert deploy.upload_artifacts(account, bucket, {"auth/1.zip": path}) == 1


@pytest.mark.parametrize(
    ("endpoint", "foreign"),
    [
        (None, None),
        ("https://cloudformation.eu-central-1.amazonaws.com", None),
        ("https://cloudformation.cn-north-1.amazonaws.com.cn", None),
        ("http://127.0.0.1:4566", "http://127.0.0.1:4566"),
        ("https://cloudformation.example-amazonaws.com", "https://cloudformation.example-amazonaws.com"),
    ],
)
def test_an_endpoint_that_is_not_of_aws_is_known(
    monkeypatch: pytest.MonkeyPatch, endpoint: str | None, foreign: str | None
) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    if endpoint is None:
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    else:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert deploy.Account("eu-central-1").foreign_endpoint == foreign


def test_a_function_that_raises_fails_the_deployment() -> None:
    account = AccountFake(**{"lambda": LambdaFake({"errorMessage": "no table"}, "Unhandled")})
    with pytest.raises(deploy.DeploymentFailed, match="no table"):
        deploy.invoke(account, "artstore-auth-bootstrap", {})


def test_a_functions_answer_is_given() -> None:
    account = AccountFake(**{"lambda": LambdaFake({"created": True})})
    assert deploy.invoke(account, "artstore-auth-bootstrap", {}) == {"created": True}

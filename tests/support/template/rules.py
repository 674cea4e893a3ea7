"""Rules that infra/template.yaml must obey: each gives the violations it finds in a parsed template.

A rule is a function of the template, so that a test can also show it a broken one and see it object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from functions.auth.keys.rotation import LEASE_SECONDS
from functions.auth.scheduled import TASKS as AUTH_TASKS
from functions.maintenance.guard.handler import TASK as GUARD_TASK
from functions.maintenance.worker import TASKS as MAINTENANCE_TASKS

Template = dict[str, Any]

USERS_OF_THE_DATABASE = ("Upload", "Documents", "Query", "StorageEvents", "MaintenanceWorker")
READERS = {
    "CursorKeySecret": {"QueryRole", "UploadRole", "DocumentsRole"},
    "WebhookTokenSecret": {"StorageWebhookRole"},
}
"""Who reads a secret that the template has made."""
REVIEWED_WILDCARDS = {(f"{name}Role", "AttachToVpc") for name in USERS_OF_THE_DATABASE}
"""Statements that may say Resource '*': what Lambda needs for a VPC, for which EC2 takes nothing narrower."""

PRECIOUS = {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"}


@dataclass(frozen=True)
class Statement:
    """One statement of a role, its lists made lists and its references made text."""

    role: str
    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditional: bool


def of_type(template: Template, kind: str) -> dict[str, Any]:
    """Give the resources of a type by logical id."""
    return {name: one for name, one in template["Resources"].items() if one["Type"] == kind}


def text_of(value: Any) -> str:
    """Write a reference as text: ``!GetAtt A.Arn`` and ``${A.Arn}`` become ``A``, ``!Ref B`` becomes ``B``."""
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return str(value["Ref"])
    if "Fn::GetAtt" in value:
        return str(value["Fn::GetAtt"][0])
    if "Fn::Sub" in value:
        return re.sub(r"\$\{(\w+)\.(?:Arn|Id)\}", r"\1", value["Fn::Sub"])
    raise ValueError(f"not a reference: {value!r}")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(template: Template) -> Iterator[Statement]:
    """Give every statement of every role, those under a condition included."""
    for name, role in of_type(template, "AWS::IAM::Role").items():
        for policy in role["Properties"].get("Policies", []):
            document = policy["Fn::If"][1] if "Fn::If" in policy else policy
            for one in document["PolicyDocument"]["Statement"]:
                yield Statement(
                    role=name,
                    sid=one.get("Sid", ""),
                    effect=one["Effect"],
                    actions=tuple(_list(one.get("Action", "*"))),
                    resources=tuple(text_of(each) for each in _list(one.get("Resource", "*"))),
                    conditional="Condition" in one,
                )


def may(template: Template, role: str, action: str, resource: str) -> bool:
    """Decide as IAM does: an Allow and no Deny that match (a conditional Deny does not count as one)."""

    def matching(effect: str) -> bool:
        return any(
            any(fnmatchcase(action.lower(), pattern.lower()) for pattern in one.actions)
            and any(fnmatchcase(resource, pattern) for pattern in one.resources)
            for one in statements(template)
            if one.role == role and one.effect == effect and not (effect == "Deny" and one.conditional)
        )

    return matching("Allow") and not matching("Deny")


def roles_that_may(template: Template, action: str, resource: str) -> set[str]:
    """Name the roles that may do ``action`` on ``resource``."""
    return {role for role in of_type(template, "AWS::IAM::Role") if may(template, role, action, resource)}


def transforms(template: Template) -> list[str]:
    """No transform, at the top or within."""
    return [text for text in ("Transform", "Fn::Transform") if f"'{text}'" in repr(template)]


def shared_roles(template: Template) -> list[str]:
    """Each function has a role that no other has."""
    roles = {
        n: text_of(one["Properties"]["Role"]) for n, one in of_type(template, "AWS::Lambda::Function").items()
    }
    return [
        name
        for name, role in roles.items()
        if list(roles.values()).count(role) > 1 or role not in of_type(template, "AWS::IAM::Role")
    ]


def broad_rights(template: Template) -> list[str]:
    """No role allows ``*``, a pattern of actions, or what a policy kept elsewhere says."""
    found = [
        f"{one.role}/{one.sid}"
        for one in statements(template)
        if one.effect == "Allow"
        and (
            any("*" in action for action in one.actions)
            or ("*" in one.resources and (one.role, one.sid) not in REVIEWED_WILDCARDS)
        )
    ]
    return found + [
        name
        for name, role in of_type(template, "AWS::IAM::Role").items()
        if "ManagedPolicyArns" in role["Properties"]
    ]


def readers_of_the_signing_key(template: Template) -> list[str]:
    """Nobody but the functions of auth can read the signing secret."""
    allowed = roles_that_may(template, "secretsmanager:GetSecretValue", "SigningKeySecret")
    return sorted(allowed ^ {"AuthRole", "AuthBootstrapRole", "AuthScheduledRole"})


def guards_that_do_more(template: Template) -> list[str]:
    """Whoever writes bucket policies does nothing else: it reads the registry, and no object, secret or index."""
    needed = {
        ("logs:CreateLogStream", "StorageGuardLogGroup"),
        ("logs:PutLogEvents", "StorageGuardLogGroup"),
        ("dynamodb:Scan", "ElementsTable"),
        *((f"s3:{name}", "RwBucket") for name in ("GetBucketPolicy", "PutBucketPolicy")),
        *((f"s3:{name}", "RwBucket") for name in ("GetLifecycleConfiguration", "PutLifecycleConfiguration")),
    }
    may_do = {
        (action, resource)
        for one in statements(template)
        if one.role == "StorageGuardRole" and one.effect == "Allow"
        for action in one.actions
        for resource in one.resources
    }
    return sorted(f"{action} on {resource}" for action, resource in may_do ^ needed)


def definers_of_elements(template: Template) -> list[str]:
    """Definitions of storage elements are written by the API and by the worker; the API by its right on that
    partition alone, as others have one on what fails."""
    wrong = roles_that_may(template, "dynamodb:PutItem", "ElementsTable") ^ {"UploadRole", "MaintenanceWorkerRole"}
    for one in statements(template):
        writes = one.effect == "Allow" and {"dynamodb:PutItem", "dynamodb:UpdateItem"} & set(one.actions)
        if writes and "ElementsTable" in one.resources and one.role != "MaintenanceWorkerRole":
            wrong |= set() if one.conditional else {one.role}
    return sorted(wrong)


def writers_of_attributes(template: Template) -> list[str]:
    """Only ingest, changes and jobs write attributes; only uploads, and jobs where it is kept, anything else."""
    wrong: set[str] = set()
    for bucket in ("EditBucket", "RwBucket"):
        attributes = roles_that_may(template, "s3:PutObject", f"{bucket}/2026/01/02/03/a.pdf.attr.json")
        objects = roles_that_may(template, "s3:PutObject", f"{bucket}/2026/01/02/03/a.pdf")
        keepers = {"MaintenanceWorkerRole"} if bucket == "RwBucket" else set()
        wrong |= attributes ^ {"StorageEventsRole", "DocumentsRole", "MaintenanceWorkerRole"}
        wrong |= objects ^ ({"UploadRole"} | keepers)
    return sorted(wrong)


def rewriters_of_the_audit_log(template: Template) -> list[str]:
    """No role may change or delete an audit entry, and those that append are forbidden to in so many words."""
    rewriting = [f"dynamodb:{each}" for each in ("UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLUpdate")]
    wrong = {role for action in rewriting for role in roles_that_may(template, action, "AuditTable")}
    for role in roles_that_may(template, "dynamodb:PutItem", "AuditTable"):
        denied = {
            action
            for one in statements(template)
            if one.role == role and one.effect == "Deny" and "AuditTable" in one.resources and not one.conditional
            for action in one.actions
        }
        if not denied.issuperset(rewriting):
            wrong.add(role)
    return sorted(wrong)


def readers_of_the_audit_log(template: Template) -> list[str]:
    """Who appends reads the end of the audit log; only auth searches it."""
    searching = roles_that_may(template, "dynamodb:Query", "AuditTable/index/by-actor")
    return sorted(searching - {"AuthRole", "AuthBootstrapRole", "AuthScheduledRole"})


def readers_of_bytes(template: Template) -> list[str]:
    """Who changes what is said of documents reads that, and no document."""
    reading: set[str] = set()
    for action in ("s3:GetObject", "s3:GetObjectVersion"):
        for bucket in ("EditBucket", "RwBucket"):
            reading |= roles_that_may(template, action, f"{bucket}/2026/01/02/03/a.pdf")
    return sorted(reading - {"QueryRole", "StorageEventsRole", "MaintenanceWorkerRole"})


def writers_of_upload_records(template: Template) -> list[str]:
    """Records are written by whoever starts uploads; others put there only what is no record, by its key."""
    writing = {
        one.role
        for one in statements(template)
        if one.effect == "Allow"
        and {"dynamodb:PutItem", "dynamodb:BatchWriteItem"} & set(one.actions)
        and "UploadsTable" in one.resources
        and not one.conditional
    }
    return sorted(writing - {"UploadRole"})


def intruders_on_our_own_records(template: Template) -> list[str]:
    """Audit exports are written by the scheduled function alone, and read by it and by auth, which verifies."""
    wrong: set[str] = set()
    for key in ("2026/11/21/1-2.jsonl", "x.attr.json"):
        record = f"RwBucket/.artstore/audit/{key}"
        wrong |= roles_that_may(template, "s3:PutObject", record) ^ {"AuthScheduledRole"}
        wrong |= roles_that_may(template, "s3:GetObject", record) ^ {"AuthRole", "AuthScheduledRole"}
    for action in ("s3:PutObject", "s3:GetObject"):
        wrong |= roles_that_may(template, action, "EditBucket/.artstore/x")
    return sorted(wrong)


DELETIONS = {
    ("AuthScheduledRole", "dynamodb:DeleteItem", ("AuditOutboxTable",)),
    ("MaintenanceWorkerRole", "s3:DeleteObject", ("EditBucket/*",)),
    ("MaintenanceWorkerRole", "s3:DeleteObject", ("ExportsBucket/*",)),  # copies that are to go into no bag
    ("MaintenanceWorkerRole", "s3:DeleteObjectVersion", ("RwBucket/*",)),  # what is due, and no lock keeps
    ("DocumentsRole", "dynamodb:DeleteItem", ("RetentionSchedulesTable",)),
    ("UploadRole", "dynamodb:DeleteItem", ("UploadsTable",)),  # places of documents that were not taken
    ("UploadRole", "dynamodb:DeleteItem", ("SpacesTable",)),
    ("StorageGuardRole", "s3:PutBucketPolicy", ("RwBucket",)),
    ("StorageGuardRole", "s3:PutLifecycleConfiguration", ("RwBucket",)),
}


def deleters(template: Template) -> list[str]:
    """No role deletes anything but a message it has handled, an event that is in the audit log now, and what is
    over: the last of these the worker alone, where documents may change, and where they are kept by versions,
    which storage keeps as long as they are locked. What could undo that, a bucket's policy and lifecycle, is
    written by the guard, of the one bucket whose elements can change their mode."""
    harmless = {"sqs:DeleteMessage", "ec2:DeleteNetworkInterface"}
    return [
        f"{one.role}: {action}"
        for one in statements(template)
        if one.effect == "Allow"
        for action in one.actions
        if re.search(r":(Delete|Bypass|Purge|PutLifecycle|PutBucket|\*)", action)
        and action not in harmless
        and (one.role, action, one.resources) not in DELETIONS
    ]


def missing_log_groups(template: Template) -> list[str]:
    """Each function writes to a log group of the template, with retention; none may create one."""
    groups = of_type(template, "AWS::Logs::LogGroup")
    found = [one.role for one in statements(template) if "logs:CreateLogGroup" in one.actions]
    for name, function in of_type(template, "AWS::Lambda::Function").items():
        properties = function["Properties"]
        group = groups.get(text_of(properties.get("LoggingConfig", {}).get("LogGroup", "")), {}).get(
            "Properties", {}
        )
        expected = f"/aws/lambda/{properties['FunctionName']['Fn::Sub']}-${{Id}}"
        if "RetentionInDays" not in group or group["LogGroupName"]["Fn::Sub"][0] != expected:
            found.append(name)
    return found


def passing_logs(template: Template) -> list[str]:
    """Log groups outlive the stack, and are in the way of no other: their names end in its id."""
    of_the_stack = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
    own = {"Id": {"Fn::Select": [0, {"Fn::Split": ["-", of_the_stack]}]}}
    return [
        name
        for name, one in of_type(template, "AWS::Logs::LogGroup").items()
        if one.get("DeletionPolicy") != "RetainExceptOnCreate"
        or one.get("UpdateReplacePolicy") != "Retain"
        or not isinstance(one["Properties"]["LogGroupName"]["Fn::Sub"], list)
        or not one["Properties"]["LogGroupName"]["Fn::Sub"][0].endswith("-${Id}")
        or one["Properties"]["LogGroupName"]["Fn::Sub"][1] != own
    ]


def unbounded_strangers(template: Template) -> list[str]:
    """What makes the archive work for anybody without a token has a limit of its own, below the API's."""
    stage = template["Resources"]["ApiStage"]["Properties"]
    limits = {
        (each["HttpMethod"], each["ResourcePath"].replace("/", "").replace("~1", "/")): each
        for each in stage["MethodSettings"]
        if each["ResourcePath"] != "/*"
    }
    found = []
    for method, path in STRANGERS_WORK:
        limit = limits.pop((method, path), None)
        if (
            limit is None
            or _number(template, limit["ThrottlingRateLimit"]) >= _number(template, {"Ref": "ThrottlingRate"})
            or _number(template, limit["ThrottlingBurstLimit"]) >= _number(template, {"Ref": "ThrottlingBurst"})
            or (limit["DataTraceEnabled"], limit["LoggingLevel"]) != (False, "OFF")
        ):
            found.append(f"{method} {path}")
        if method.lower() not in template["Resources"]["Api"]["Properties"]["Body"]["paths"].get(path, {}):
            found.append(f"{method} {path} is not there")
    return found + [f"{method} {path}" for method, path in limits]


def _number(template: Template, value: Any) -> float:
    return float(template["Parameters"][value["Ref"]]["Default"] if isinstance(value, dict) else value)


def unbounded_copies(template: Template) -> list[str]:
    """The functions that strangers or the database may suffer from can be given a bound of copies; 0 is none."""
    return [
        name
        for name, kind in (("AuthFunction", "Auth"), ("QueryFunction", "Query"))
        if template["Resources"][name]["Properties"].get("ReservedConcurrentExecutions")
        != {"Fn::If": [f"Has{kind}Concurrency", {"Ref": f"{kind}Concurrency"}, {"Ref": "AWS::NoValue"}]}
        or template["Conditions"][f"Has{kind}Concurrency"]
        != {"Fn::Not": [{"Fn::Equals": [{"Ref": f"{kind}Concurrency"}, 0]}]}
        or template["Parameters"][f"{kind}Concurrency"]["Default"] != 0
    ]


STRANGERS_WORK = (
    ("POST", "/api/v1/auth/token"),
    ("POST", "/api/v1/auth/introspect"),
    ("POST", "/api/v1/auth/revoke"),
    ("GET", "/health/ready"),
)
"""Operations without a token that read, write or compute something each time."""


def short_visibility(template: Template) -> list[str]:
    """A message stays hidden for at least six times the timeout of the function that handles it."""
    found = []
    for mapping in of_type(template, "AWS::Lambda::EventSourceMapping").values():
        source = template["Resources"][text_of(mapping["Properties"]["EventSourceArn"])]
        if source["Type"] != "AWS::SQS::Queue":  # the stream of a table hides nothing
            continue
        queue = source["Properties"]
        function = template["Resources"][text_of(mapping["Properties"]["FunctionName"])]["Properties"]
        if queue.get("VisibilityTimeout", 30) < 6 * function["Timeout"]:
            found.append(str(queue["QueueName"]))
    return found


PASSING = {"AttemptsTable"}
"""Counters that end by themselves and may be lost."""


def unprotected_data(template: Template) -> list[str]:
    """What holds data outlives the stack and its replacement, and tables refuse to be deleted at all."""
    protected = {"Fn::If": ["ProtectsTables", True, False]}
    return [
        name
        for name, one in template["Resources"].items()
        if one["Type"] in PRECIOUS
        and name not in PASSING
        and (
            one.get("DeletionPolicy") != "RetainExceptOnCreate"
            or one.get("UpdateReplacePolicy") != "Retain"
            or (
                one["Type"] == "AWS::DynamoDB::Table"
                and one["Properties"].get("DeletionProtectionEnabled") != protected
            )
        )
    ]


_OF_NAMED_RULES = {
    "ArnLike": {
        "aws:SourceArn": {
            "Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/${Prefix}-events-*"
        }
    },
    "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
}


def open_queue(template: Template) -> list[str]:
    """Only S3 may send events, and only for the two buckets of this account, and rules of EventBridge in this
    account that are named for it."""
    found = []
    for name, policy in of_type(template, "AWS::SQS::QueuePolicy").items():
        for one in policy["Properties"]["PolicyDocument"]["Statement"]:
            if one.get("Effect") != "Allow":
                continue
            condition = one.get("Condition", {})
            if one["Principal"] == {"Service": "events.amazonaws.com"} and one["Action"] == "sqs:SendMessage":
                if condition != _OF_NAMED_RULES:
                    found.append(name)
                continue
            sources = condition.get("ArnEquals", {}).get("aws:SourceArn", [])
            account = condition.get("StringEquals", {}).get("aws:SourceAccount")
            if (
                one["Principal"] != {"Service": "s3.amazonaws.com"}
                or one["Action"] != "sqs:SendMessage"
                or account != {"Ref": "AWS::AccountId"}
                or len(sources) != 2
                or any("*" in source["Fn::Sub"] for source in sources)
            ):
                found.append(name)
    return found


TASKS_OF = {
    "AuthScheduledFunction": set(AUTH_TASKS),
    "MaintenanceWorkerFunction": set(MAINTENANCE_TASKS),
    "StorageGuardFunction": {GUARD_TASK},
}
"""What each function does by the clock."""


def broken_schedules(template: Template) -> list[str]:
    """Each rule invokes a function with a task of its, and may; each task has a rule."""
    permitted = {
        text_of(one["Properties"].get("SourceArn", "")): one["Properties"]
        for one in of_type(template, "AWS::Lambda::Permission").values()
        if one["Properties"]["Principal"] == "events.amazonaws.com"
    }
    found: list[str] = []
    tasks: set[tuple[str, str]] = set()
    for name, rule in of_type(template, "AWS::Events::Rule").items():
        [target] = rule["Properties"]["Targets"]
        function = text_of(target["Arn"])
        tasks.add((function, json.loads(target["Input"])["task"]))
        allowed = permitted.get(name, {"FunctionName": ""})["FunctionName"]
        if text_of(allowed) != function or not rule["Properties"]["ScheduleExpression"].startswith("rate("):
            found.append(name)
    expected = {(function, task) for function, each in TASKS_OF.items() for task in each}
    return found + sorted(f"{function}: {task}" for function, task in tasks ^ expected)


def outlasting_the_lock(template: Template) -> list[str]:
    """What may write the ring of signing keys is dead when the lock's lease ends."""
    writers = roles_that_may(template, "secretsmanager:PutSecretValue", "SigningKeySecret")
    return [
        name
        for name, one in of_type(template, "AWS::Lambda::Function").items()
        if text_of(one["Properties"]["Role"]) in writers and one["Properties"]["Timeout"] >= LEASE_SECONDS
    ]


def secret_values(template: Template) -> list[str]:
    """No secret's value stands in the template; those that it has made are read by whom they are for, and nobody
    else."""
    secrets = of_type(template, "AWS::SecretsManager::Secret")
    written = [name for name, one in secrets.items() if "SecretString" in one["Properties"]]
    made = {name for name, one in secrets.items() if "GenerateSecretString" in one["Properties"]}
    readers = {
        name: roles_that_may(template, "secretsmanager:GetSecretValue", name) for name in made | set(READERS)
    }
    return written + sorted(name for name, roles in readers.items() if roles != READERS.get(name))


def unreachable_functions(template: Template) -> list[str]:
    """Each path's function is one of the template's, and API Gateway may invoke it."""
    functions = of_type(template, "AWS::Lambda::Function")
    names = {one["Properties"]["FunctionName"]["Fn::Sub"]: name for name, one in functions.items()}
    permitted = {
        text_of(one["Properties"]["FunctionName"]) for one in of_type(template, "AWS::Lambda::Permission").values()
    }
    found = []
    for path, operations in template["Resources"]["Api"]["Properties"]["Body"]["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            integration = operation["x-amazon-apigateway-integration"]
            match = re.search(r":function:([^/]+)/invocations$", integration["uri"]["Fn::Sub"])
            if match is None or names.get(match[1]) not in permitted:
                found.append(f"{method} {path}")
    return found

"""The secret that tells the functions where the index is."""

from __future__ import annotations

from botocore.exceptions import ClientError

from infra.deploy.account import Account


def put_secret(account: Account, name: str, value: str) -> tuple[str, bool]:
    """Make the secret hold `value`. Returns its ARN, and whether it held another value before."""
    secrets = account.client("secretsmanager")
    try:
        found = secrets.get_secret_value(SecretId=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return secrets.create_secret(Name=name, SecretString=value)["ARN"], False
    if found.get("SecretString") == value:
        return found["ARN"], False
    secrets.put_secret_value(SecretId=name, SecretString=value)
    return found["ARN"], True

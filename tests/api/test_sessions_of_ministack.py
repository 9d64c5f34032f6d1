"""Sessions of roles that MiniStack's STS knows, over TLS."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from berth_server import BerthServer
from ecr_http import ACCOUNT, client
from ministack import MiniStack
from test_sessions import credential_process
from test_users import administer, allow, done, policy

pytestmark = pytest.mark.local

ASSUMED_BY_ALL = policy(
    {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
)


@pytest.fixture(scope="module")
def aws() -> Iterator[MiniStack]:
    with MiniStack() as ministack:
        yield ministack


def test_a_role_of_ministack_comes_in(aws: MiniStack) -> None:
    role = aws.client("iam").create_role(RoleName="ci", AssumeRolePolicyDocument=ASSUMED_BY_ALL)
    arn = role["Role"]["Arn"]
    assumed = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="run-7")["Credentials"]
    trusted = {"BERTH_STS_ENDPOINT": aws.endpoint, "SSL_CERT_FILE": str(aws.ca_file)}
    keys = {
        "AWS_ACCESS_KEY_ID": assumed["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": assumed["SecretAccessKey"],
        "AWS_SESSION_TOKEN": assumed["SessionToken"],
    }
    with BerthServer(env=trusted) as berth:
        lost = credential_process(berth, trusted | keys, code=1)
        assert "assumed-role/ci/run-7 is not authorized" in lost.stderr
        done(administer(berth, "CreateTrust", trustName="ci", principals=[arn]))
        names = {"trustName": "ci", "policyName": "p"}
        document = policy(allow("ecr:*"))
        done(administer(berth, "PutTrustPolicy", policyDocument=document, **names))
        given = json.loads(credential_process(berth, trusted | keys).stdout)
        ecr = client(
            berth,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
        ecr.create_repository(repositoryName="team/app")
        strange = keys | {"AWS_ACCESS_KEY_ID": "ASIANOBODYNOBODY2345"}
        lost = credential_process(berth, trusted | strange, code=1)
        assert "(UnrecognizedClientException)" in lost.stderr

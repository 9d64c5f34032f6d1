"""A registry with a user whose rights a test says, and what the user is answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ecr_http
import requests
from berth_server import BerthServer
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from ecr_http import ACCOUNT, JSON_1_1, REGION
from ecr_images import push, referrer, small_image

USER = "kim"
PRINCIPAL = f"arn:aws:iam::{ACCOUNT}:user/{USER}"

# A repository and a user that are there, and those that are not; the names are of one length.
EXISTING = "team/app"
MISSING = "none/app"

# Credentials of who has none.
NOBODY = ("", "")

IMAGE = small_image("authorization")
REFERRER = referrer("authorization", IMAGE, "application/vnd.example.note")
PREFIXES = {"ecr": "AmazonEC2ContainerRegistry_V20150921", "berth": "Berth_20261121"}
# Headers that differ from answer to answer.
VOLATILE = {"date", "x-amzn-requestid", "x-request-id"}


@dataclass(frozen=True)
class Answer:
    """An answer, by what a caller can tell it from another."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """Returns the name of the exception, or of the error of the distribution specification."""
        if self.status < 400 or not self.body:
            return ""
        body = json.loads(self.body)
        return body["__type"] if "__type" in body else body["errors"][0]["code"]

    @property
    def message(self) -> str:
        """Returns the message of the error."""
        body = json.loads(self.body)
        return body["message"] if "message" in body else body["errors"][0]["message"]

    def without(self, name: str) -> Answer:
        """Returns the same answer with `name` left out."""
        headers = {key: value.replace(name, "NAME") for key, value in self.headers.items()}
        return Answer(self.status, headers, self.body.replace(name.encode(), b"NAME"))


def answer_of(response: requests.Response) -> Answer:
    """Returns what of a response says something."""
    headers = {key.lower(): value for key, value in response.headers.items()}
    headers = {key: value for key, value in headers.items() if key not in VOLATILE}
    return Answer(response.status_code, headers, response.content)


def repository_arn(name: str) -> str:
    """Returns the ARN of a repository."""
    return f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}"


def identity_arn(kind: str, name: str) -> str:
    """Returns the ARN of a user or a trust."""
    return f"arn:aws:iam::{ACCOUNT}:{kind}/{name}"


def allow(*actions: str, resource: str | list[str] = "*") -> dict[str, Any]:
    """Returns a statement of an identity policy."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def all_but(*actions: str) -> dict[str, Any]:
    """Returns a statement that allows all other actions."""
    return {"Effect": "Allow", "NotAction": list(actions), "Resource": "*"}


def deny(*actions: str) -> dict[str, Any]:
    """Returns a statement that denies actions everywhere."""
    return {"Effect": "Deny", "Action": list(actions), "Resource": "*"}


def of_repository(effect: str, *actions: str) -> dict[str, Any]:
    """Returns a statement of a repository's policy about the user."""
    return {"Effect": effect, "Principal": {"AWS": PRINCIPAL}, "Action": list(actions)}


def denial(action: str, resource: str, reason: str) -> str:
    """Returns the message that the user is denied with."""
    return (
        f"User: {PRINCIPAL} is not authorized to perform: {action} on resource: {resource} {reason}"
    )


def nothing_allows(action: str, resource: str) -> str:
    """Returns the message of a denial by default."""
    return denial(action, resource, f"because no identity-based policy allows the {action} action")


def something_denies(action: str, resource: str, kind: str = "an identity-based") -> str:
    """Returns the message of a denial by a statement."""
    article, base = kind.split(" ", 1)
    return denial(action, resource, f"with an explicit deny in {article} {base} policy")


@dataclass
class World:
    """A running registry with an image in `EXISTING`, and a user."""

    berth: BerthServer
    secret: tuple[str, str] = ("", "")
    granted: list[dict[str, Any]] | None = field(default=None)

    def prepare(self) -> World:
        """Makes what the tests need: an image that another refers to, two users, a trust."""
        push(self.berth, EXISTING, IMAGE, "v1")
        push(self.berth, EXISTING, REFERRER)
        other = EXISTING.replace("/", ".")
        for user in (USER, other):
            self.done("berth", "CreateUser", userName=user)
        role = f"arn:aws:iam::{ACCOUNT}:role/deploy"
        self.done("berth", "CreateTrust", trustName=other, principals=[role])
        key = self.done("berth", "CreateAccessKey", userName=USER)["accessKey"]
        self.secret = (key["accessKeyId"], key["secretAccessKey"])
        return self

    def done(self, service: str, operation: str, **members: Any) -> dict[str, Any]:
        """Calls an operation as the root."""
        answer = self.send(self.berth.auth, service, operation, json.dumps(members))
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def let(self, *statements: dict[str, Any]) -> None:
        """Gives the user these statements as the only policy."""
        if self.granted == list(statements):
            return
        self.granted = list(statements)
        names = {"userName": USER, "policyName": "p"}
        if statements:
            document = {"Version": "2012-10-17", "Statement": list(statements)}
            self.done("berth", "PutUserPolicy", policyDocument=json.dumps(document), **names)
        else:
            self.send(self.berth.auth, "berth", "DeleteUserPolicy", json.dumps(names))

    def let_by_repository(self, *statements: dict[str, Any]) -> None:
        """Gives the repository these statements as its policy."""
        if statements:
            document = {"Version": "2012-10-17", "Statement": list(statements)}
            names = {"repositoryName": EXISTING, "policyText": json.dumps(document)}
            self.done("ecr", "SetRepositoryPolicy", **names)
        else:
            body = json.dumps({"repositoryName": EXISTING})
            self.send(self.berth.auth, "ecr", "DeleteRepositoryPolicy", body)

    def call(self, service: str, operation: str, body: str) -> Answer:
        """Calls an operation as the user."""
        return self.send(self.secret, service, operation, body)

    def send(self, auth: tuple[str, str], service: str, operation: str, body: str) -> Answer:
        """Calls an operation by an access key."""
        headers = {
            "Content-Type": JSON_1_1,
            "X-Amz-Target": f"{PREFIXES[service]}.{operation}",
        }
        request = AWSRequest("POST", self.berth.url + "/", data=body, headers=headers)
        SigV4Auth(Credentials(*auth), "ecr", REGION).add_auth(request)
        return answer_of(ecr_http.send(request))

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> Answer:
        """Sends a request to `/v2/` or `/token`, by the user's access key or the one given."""
        by = auth or self.secret
        response = requests.request(
            method,
            self.berth.url + path,
            data=body,
            headers=dict(headers or {}),
            auth=None if by == NOBODY else by,
            timeout=30,
            allow_redirects=False,
        )
        return answer_of(response)

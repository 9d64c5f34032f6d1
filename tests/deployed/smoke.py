"""Looks whether a deployed registry does what nobody could try without an AWS account.

    export BERTH_ROOT_ACCESS_KEY_ID=… BERTH_ROOT_SECRET_ACCESS_KEY=…
    python tests/deployed/smoke.py https://registry.example.com

Each point marked [U] in docs/deploying.md is one function here. It prints what holds and what does
not, with what it saw, and exits with 1 if a point does not hold that the registry needs. Signatures
are for the region of `AWS_REGION`, or the one that API Gateway's name has. It works
in the repository `berth-smoke`, and deletes the images that it pushes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import requests
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REPOSITORY = "berth-smoke"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
SECONDS = 60
# What a function takes; API Gateway's own limit is on the event, about 4.7 MB of bytes.
FUNCTION_LIMIT = 4_400_000
GATEWAY_LIMIT = 10 * 1024 * 1024


class PointFailedError(Exception):
    """A point does not hold; the text says what was seen instead."""


@dataclass(frozen=True)
class Outcome:
    """What came of a point."""

    name: str
    holds: bool
    seen: str
    needed: bool


@dataclass
class Registry:
    """The registry under test, as its root sees it."""

    url: str
    user: str
    password: str
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def region(self) -> str:
        """Returns the region that signatures are for: the environment's, or the one in the URL."""
        named = re.search(r"\.execute-api\.([a-z0-9-]+)\.", self.url)
        told = os.environ.get("AWS_REGION") or (named[1] if named else None)
        return told or "us-east-1"

    def call(self, method: str, path: str, **more: object) -> requests.Response:
        """Sends a request with the root's password, and follows no redirect."""
        more.setdefault("auth", (self.user, self.password))
        more.setdefault("allow_redirects", False)
        return self.session.request(method, urljoin(self.url + "/", path), timeout=SECONDS, **more)

    def ecr(self, operation: str, members: dict | None) -> requests.Response:
        """Calls an operation of ECR, signed in a header, or without a body in the query."""
        signer = SigV4QueryAuth if members is None else SigV4Auth
        target = f"AmazonEC2ContainerRegistry_V20150921.{operation}"
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
        body = "" if members is None else json.dumps(members)
        request = AWSRequest("POST", f"{self.url}/", headers=headers, data=body)
        credentials = Credentials(self.user, self.password)
        signer(credentials, "ecr", self.region).add_auth(request)
        prepared = request.prepare()
        return self.call(
            "POST",
            prepared.url,
            auth=None,
            data=prepared.body,
            headers=dict(prepared.headers),
        )

    def begin(self) -> str:
        """Begins an upload, and returns its URL."""
        answer = expect(self.call("POST", f"/v2/{REPOSITORY}/blobs/uploads/"), 202)
        return urljoin(self.url + "/", answer.headers["location"])

    def push_blob(self, data: bytes) -> str:
        """Pushes a blob in one PUT, and returns its digest."""
        digest = digest_of(data)
        expect(self.put(self.begin(), digest, data), 201)
        return digest

    def put(self, upload: str, digest: str, data: bytes) -> requests.Response:
        """Ends an upload with all of its bytes. Another host gets no password."""
        own = urlsplit(upload).netloc == urlsplit(self.url).netloc
        mark = "&" if "?" in upload else "?"
        return self.call(
            "PUT",
            f"{upload}{mark}digest={digest}",
            data=data,
            headers={"Content-Type": "application/octet-stream"},
            auth=(self.user, self.password) if own else None,
        )

    def push_manifest(self, tag: str, note: str = "") -> tuple[str, bytes]:
        """Pushes an image of one small layer, and returns its digest and its manifest."""
        config, layer = b"{}", uuid.uuid4().bytes
        for blob in (config, layer):
            self.push_blob(blob)
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "config": descriptor("application/vnd.oci.image.config.v1+json", config),
                "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
                "annotations": {"note": note},
            }
        ).encode()
        path = f"/v2/{REPOSITORY}/manifests/{tag}"
        expect(self.call("PUT", path, data=manifest, headers={"Content-Type": MANIFEST_TYPE}), 201)
        return digest_of(manifest), manifest

    def drop(self, digest: str) -> None:
        """Deletes an image."""
        expect(self.call("DELETE", f"/v2/{REPOSITORY}/manifests/{digest}"), 202)


Point = Callable[[Registry], str]
POINTS: list[tuple[str, bool, Point]] = []


def point(name: str, *, needed: bool = True) -> Callable[[Point], Point]:
    """Names a point. One that is not needed is told, and fails nothing."""

    def keep(check: Point) -> Point:
        POINTS.append((name, needed, check))
        return check

    return keep


def expect(answer: requests.Response, status: int) -> requests.Response:
    """Returns the answer if it has the status."""
    if answer.status_code != status:
        request = answer.request
        path = urlsplit(request.url or "").path
        said = answer.text[:200]
        raise PointFailedError(
            f"{request.method} {path} answered {answer.status_code}, not {status}: {said}"
        )
    return answer


def agree(what: str, seen: object, expected: object) -> str:
    """Returns what was seen if it is what was expected."""
    if seen != expected:
        raise PointFailedError(f"{what} is {seen!r}, not {expected!r}")
    return f"{what} is {seen!r}"


def digest_of(data: bytes) -> str:
    """Returns the digest of bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def descriptor(kind: str, data: bytes) -> dict:
    """Describes bytes in a manifest."""
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}


@point("`/v2` and `/v2/` are both routed")
def base(registry: Registry) -> str:
    for path in ("/v2", "/v2/"):
        expect(registry.call("GET", path), 200)
        expect(registry.call("HEAD", path), 200)
    return "200 for GET and HEAD"


@point("`WWW-Authenticate` passes under its own name")
def challenge(registry: Registry) -> str:
    answer = expect(registry.call("GET", "/v2/", auth=None), 401)
    told = answer.headers.get("www-authenticate", "")
    realm = f'realm="{registry.url}/token"'
    if realm not in told:
        raise PointFailedError(f"WWW-Authenticate is {told!r}, without {realm}")
    return told


@point("`Authorization` passes with a signature of AWS in it")
def signature(registry: Registry) -> str:
    scope = "AKIDEXAMPLE/20300101/us-east-1/ecr/aws4_request"
    header = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"
    answer = registry.call("GET", "/v2/", auth=None, headers={"Authorization": header})
    # The registry takes no signature there, and says so; without the header it only challenges.
    told = expect(answer, 401).headers.get("www-authenticate", "")
    if "invalid_token" not in told:
        raise PointFailedError(f"the registry did not see it: {told!r}")
    return "the registry saw it"


@point("`POST /` takes a signature over the name that clients see")
def signed(registry: Registry) -> str:
    answer = expect(registry.ecr("GetAuthorizationToken", {}), 200)
    (data,) = answer.json()["authorizationData"]
    login = {"Authorization": f"Basic {data['authorizationToken']}"}
    expect(registry.call("GET", "/v2/", auth=None, headers=login), 200)
    return agree("proxyEndpoint", data["proxyEndpoint"], registry.url)


@point("`POST /` takes a signature in the query")
def presigned(registry: Registry) -> str:
    expect(registry.ecr("DescribeRegistry", None), 200)
    return "200"


@point("a part of a layer of 3 MiB passes `POST /`")
def layer_part(registry: Registry) -> str:
    registry.begin()
    repository = {"repositoryName": REPOSITORY}
    begun = expect(registry.ecr("InitiateLayerUpload", repository), 200).json()
    size = begun["partSize"]
    part = {
        "uploadId": begun["uploadId"],
        "partFirstByte": 0,
        "partLastByte": size - 1,
        "layerPartBlob": base64.b64encode(bytes(size)).decode(),
    }
    sent = expect(registry.ecr("UploadLayerPart", repository | part), 200).json()
    return agree("lastByteReceived", sent["lastByteReceived"], size - 1)


@point("`/token` takes a query and a form")
def token(registry: Registry) -> str:
    scope = f"repository:{REPOSITORY}:pull,push"
    asked = expect(registry.call("GET", "/token", params={"scope": scope}), 200)
    form = {"grant_type": "password", "username": registry.user, "password": registry.password}
    posted = registry.call("POST", "/token", auth=None, data=form | {"scope": scope})
    expect(posted, 200)
    bearer = {"Authorization": f"Bearer {asked.json()['token']}"}
    expect(registry.call("GET", "/v2/", auth=None, headers=bearer), 200)
    return "both gave a token, and the first is taken"


@point("`POST /session` is routed")
def session(registry: Registry) -> str:
    kind = {"Content-Type": "application/json"}
    answer = registry.call("POST", "/session", auth=None, data="{}", headers=kind)
    return f"{expect(answer, 400).json()['__type']} for no proof"


@point("`Content-Length` of an answer to HEAD is that of GET")
def head_length(registry: Registry) -> str:
    digest, manifest = registry.push_manifest("head")
    try:
        path = f"/v2/{REPOSITORY}/manifests/{digest}"
        answer = expect(registry.call("HEAD", path, headers={"Accept-Encoding": "identity"}), 200)
        agree("Docker-Content-Digest", answer.headers.get("docker-content-digest"), digest)
        length = str(len(manifest))
        return agree("Content-Length", answer.headers.get("content-length"), length)
    finally:
        registry.drop(digest)


@point("a HEAD of a blob leads to an answer of 200 with its length")
def head_blob(registry: Registry) -> str:
    data = uuid.uuid4().bytes
    path = f"/v2/{REPOSITORY}/blobs/{registry.push_blob(data)}"
    answer = expect(registry.call("HEAD", path), 307)
    followed = requests.head(answer.headers["location"], timeout=SECONDS)
    expect(followed, 200)
    return agree("Content-Length", followed.headers.get("content-length"), str(len(data)))


@point("a GET of a blob leads to its bytes")
def get_blob(registry: Registry) -> str:
    data = uuid.uuid4().bytes
    path = f"/v2/{REPOSITORY}/blobs/{registry.push_blob(data)}"
    answer = expect(registry.call("GET", path), 307)
    followed = expect(requests.get(answer.headers["location"], timeout=SECONDS), 200)
    agree("the blob", followed.content, data)
    ranged = requests.get(
        answer.headers["location"], headers={"Range": "bytes=4-7"}, timeout=SECONDS
    )
    return agree("its bytes 4 to 7", expect(ranged, 206).content, data[4:8])


@point("a path is delivered decoded, once")
def decoded(registry: Registry) -> str:
    digest, manifest = registry.push_manifest("decoded")
    try:
        path = f"/v2/{REPOSITORY}/manifests/"
        encoded = registry.call("GET", path + digest.replace(":", "%3A"))
        agree("the manifest", expect(encoded, 200).content, manifest)
        return "%3A in a digest is taken for a colon"
    finally:
        registry.drop(digest)


@point("a manifest of 4 MB passes both ways, byte for byte")
def large_manifest(registry: Registry) -> str:
    digest, manifest = registry.push_manifest("large", "x" * 4_000_000)
    try:
        answer = registry.call("GET", f"/v2/{REPOSITORY}/manifests/{digest}")
        agree("Content-Type", expect(answer, 200).headers.get("content-type"), MANIFEST_TYPE)
        agree("its digest", digest_of(answer.content), digest)
        return f"{len(manifest)} bytes"
    finally:
        registry.drop(digest)


@point("a chunk without `Content-Length` arrives whole")
def chunked(registry: Registry) -> str:
    upload = registry.begin()
    if urlsplit(upload).netloc != urlsplit(registry.url).netloc:
        return "uploads go to the upload host"
    kind = {"Content-Type": "application/octet-stream"}
    answer = registry.call("PATCH", upload, data=iter([b"ab", b"cd"]), headers=kind)
    told = expect(answer, 202).headers
    registry.call("DELETE", told["location"])
    return agree("Range", told.get("range"), "0-3")


@point("a body over what a function takes is answered 413")
def too_large_for_function(registry: Registry) -> str:
    return refused(registry, FUNCTION_LIMIT + 100_000)


@point("a body over what an event holds is answered 413")
def too_large_for_event(registry: Registry) -> str:
    return refused(registry, 5_500_000)


@point("a body over what API Gateway takes is answered 413", needed=False)
def too_large_for_gateway(registry: Registry) -> str:
    return refused(registry, GATEWAY_LIMIT + 1)


def refused(registry: Registry, size: int) -> str:
    """Sends a body through the gateway, wherever uploads go, and returns the refusal."""
    path = f"/v2/{REPOSITORY}/blobs/uploads/{uuid.uuid4()}"
    kind = {"Content-Type": "application/octet-stream"}
    try:
        answer = registry.call("PATCH", path, data=bytes(size), headers=kind)
    except requests.ConnectionError as error:
        raise PointFailedError(f"the connection was cut: {error}") from error
    told = answer.headers.get("content-type", "no type")
    return f"{told}: {expect(answer, 413).text[:160]}"


@point("a head over 10,240 bytes is answered 431", needed=False)
def long_head(registry: Registry) -> str:
    answer = registry.call("GET", "/v2/", headers={"X-Berth-Smoke": "x" * 10_240})
    return f"{answer.headers.get('content-type')}: {expect(answer, 431).text[:160]}"


@point("a layer of 12 MB passes, if there is an upload host", needed=False)
def upload_host(registry: Registry) -> str:
    upload = registry.begin()
    host = urlsplit(upload).netloc
    if host == urlsplit(registry.url).netloc:
        registry.call("DELETE", upload)
        return "there is none"
    data = os.urandom(12 * 1024 * 1024)
    expect(registry.put(upload, digest_of(data), data), 201)
    return f"{host} took it"


def walk(registry: Registry) -> list[Outcome]:
    """Looks at every point, in order."""
    outcomes = []
    for name, needed, check in POINTS:
        try:
            outcomes.append(Outcome(name, holds=True, seen=check(registry), needed=needed))
        except (PointFailedError, requests.RequestException, KeyError, ValueError) as error:
            seen = str(error) or type(error).__name__
            outcomes.append(Outcome(name, holds=False, seen=seen, needed=needed))
    return outcomes


def main(arguments: list[str]) -> int:
    """Prints what holds of the registry at the URL; returns the exit code."""
    user = os.environ.get("BERTH_ROOT_ACCESS_KEY_ID")
    password = os.environ.get("BERTH_ROOT_SECRET_ACCESS_KEY")
    if len(arguments) != 1 or not user or not password:
        print("usage: make smoke URL=https://…, with BERTH_ROOT_ACCESS_KEY_ID and")
        print("BERTH_ROOT_SECRET_ACCESS_KEY in the environment (docs/deploying.md)")
        return 2
    outcomes = walk(Registry(arguments[0].rstrip("/"), user, password))
    for each in outcomes:
        verdict = "holds" if each.holds else "FAILS" if each.needed else "differs"
        print(f"{verdict:8}{each.name}\n        {each.seen}")
    failed = sum(not each.holds and each.needed for each in outcomes)
    print(f"{len(outcomes)} points, {failed} that the registry needs do not hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

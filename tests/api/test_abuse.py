"""What no client would send: paths that mean to mean another, headers twice, forged signatures.

Forged, altered, cut and expired tokens are in `tests/it/abuse.rs`, where time is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import ecr_images
import pytest
import requests
from berth_server import BerthServer
from botocore.awsrequest import AWSRequest
from ecr_http import JSON_1_1, call, check_error, request, send
from ecr_model import service_model
from raw_http import RawAnswer, ask, basic
from test_random_bodies import is_fine
from test_users import administer, allow, done, policy

pytestmark = pytest.mark.local

DESCRIBE = "DescribeRepositories"
TARGET = service_model("ecr").metadata["targetPrefix"] + "." + DESCRIBE
DIGEST = "sha256:" + "0" * 64
SECRET_IMAGE = ecr_images.small_image("secret")

# Ways to write `team/b`, or to come to it from `team/a`, or out of the registry.
PATHS = [
    "/v2/team/a/../b/manifests/v1",
    "/v2/team/a/%2e%2e/b/manifests/v1",
    "/v2/team/a/%2E%2E/b/manifests/v1",
    "/v2/team/a/.%2e/b/manifests/v1",
    "/v2/team/a%2f..%2fb/manifests/v1",
    "/v2/team/a/..%2fb/manifests/v1",
    "/v2/team/a/%252e%252e/b/manifests/v1",
    "/v2/team/a/..;/b/manifests/v1",
    "/v2/team/a/\\..\\b/manifests/v1",
    "/v2/team/a/%5c..%5cb/manifests/v1",
    "/v2/team/a/manifests/../../b/manifests/v1",
    "/v2/team/a/manifests/..%2f..%2fb%2fmanifests%2fv1",
    "/v2/team/a/manifests/v1/../../../b/manifests/v1",
    "/v2/team//b/manifests/v1",
    "/v2//team/b/manifests/v1",
    "//v2/team/b/manifests/v1",
    "/v2/./team/b/manifests/v1",
    "/v2/%2fteam/b/manifests/v1",
    "/v2/team%2fb/manifests/v1",
    "/v2/team%2Fb/manifests/v1",
    "/v2/team/%62/manifests/v1",
    "/v2/%74eam/b/manifests/v1",
    "/v2/TEAM/B/manifests/v1",
    "/v2/team/B/manifests/v1",
    "/V2/team/b/manifests/v1",
    "/%76%32/team/b/manifests/v1",
    "/v2/team/b/MANIFESTS/v1",
    "/v2/team/b/manifests/v1/",
    "/v2/team/b/manifests/v1%00",
    "/v2/team/b%00/manifests/v1",
    "/v2/team/a%00/../b/manifests/v1",
    "/v2/team/b/manifests/v1%0d%0aX-Injected:%201",
    "/v2/team/b/manifests/v1%20",
    "/v2/team/b/manifests/%76%31",
    "/v2/team/a/manifests/v1?repository=team/b",
    "/v2/team/a/manifests/v1%3f/../../b/manifests/v1",
    "/v2/team/a/manifests/v1%23/../../b/manifests/v1",
    "/v2/team/%c0%ae%c0%ae/b/manifests/v1",
    "/v2/team/%ff/manifests/v1",
    "/v2/team/%u0062/manifests/v1",
    "/v2/team/%/manifests/v1",
    "/v2/team/%2/manifests/v1",
    "/v2/" + "a/" * 2000 + "manifests/v1",
    "/v2/" + "a" * 60_000,
    "/v2/" + "../" * 20 + "etc/passwd",
    "/v2/" + "%2e%2e/" * 20 + "etc/passwd",
    "/../../etc/passwd",
    "/v2/..%2f..%2f..%2fkey",
    "http://other.example/v2/team/b/manifests/v1",
    "*",
]

# Written so that decoding it once gives the path itself, which must then be judged as the path is.
SAME = {
    "/v2/team%2fb/manifests/v1",
    "/v2/team%2Fb/manifests/v1",
    "/v2/team/%62/manifests/v1",
    "/v2/%74eam/b/manifests/v1",
    "/v2/team/b/manifests/%76%31",
    "/%76%32/team/b/manifests/v1",
    "http://other.example/v2/team/b/manifests/v1",
}


@pytest.fixture(scope="module")
def kim(berth: BerthServer) -> Iterator[tuple[str, str]]:
    """A user who may do everything in `team/a`, where nothing is, and nothing in `team/b`."""
    for name in ("team/a", "team/b"):
        call(berth, "CreateRepository", repositoryName=name)
    ecr_images.push(berth, "team/b", SECRET_IMAGE, "v1")
    done(administer(berth, "CreateUser", userName="kim"))
    document = policy(allow("ecr:*", "arn:aws:ecr:*:*:repository/team/a"))
    names = {"userName": "kim", "policyName": "a"}
    done(administer(berth, "PutUserPolicy", policyDocument=document, **names))
    key = done(administer(berth, "CreateAccessKey", userName="kim"))["accessKey"]
    assert isinstance(key, dict)
    yield (key["accessKeyId"], key["secretAccessKey"])
    is_fine(berth)


def is_refused(answer: RawAnswer) -> None:
    """Checks that an answer is an error of the client, and holds nothing of `team/b`."""
    assert 400 <= answer.status < 500, answer
    assert SECRET_IMAGE.data not in answer.body
    assert answer.headers["X-Injected"] is None


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:60])
def test_paths_mean_what_they_say(berth: BerthServer, kim: tuple[str, str], path: str) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        host = ("Host", berth.host)
        body = SECRET_IMAGE.data if method == "PUT" else b""
        length = ("Content-Length", str(len(body)))
        is_refused(ask(berth, method, path, [host, length], body))
        is_refused(ask(berth, method, path, [host, length, basic(*kim)], body))
    root = ask(berth, "GET", path, [("Host", berth.host), basic(*berth.auth)])
    assert (root.status == 200) == (path in SAME), root
    assert root.status < 500


@pytest.mark.parametrize(
    "byte", [*range(0x21), 0x22, 0x3C, 0x3E, 0x5C, 0x5E, 0x60, *range(0x7B, 0x100)]
)
def test_paths_of_odd_bytes_do_no_harm(berth: BerthServer, kim: tuple[str, str], byte: int) -> None:
    path = b"/v2/team/" + bytes([byte]) + b"b/manifests/v1"
    answer = ask(berth, "GET", path, [("Host", berth.host), basic(*kim)])
    is_refused(answer)


@pytest.mark.parametrize(
    "path",
    [
        "//",
        "/.",
        "/%2e",
        "/%2f",
        "/./",
        "/a/..",
        "/%00",
        "/;",
        "/index.html",
        "/?Action=DescribeRepositories",
        "/%3f",
        "/" + "a" * 60_000,
    ],
    ids=lambda path: path[:30],
)
def test_the_api_has_one_path(berth: BerthServer, path: str) -> None:
    """Signed for `/`, as the client library has it."""
    headers = list(request(berth, DESCRIBE).headers.items())
    headers = [("Host", berth.host), *headers, ("Content-Length", "2")]
    answer = ask(berth, "POST", path, headers, b"{}")
    assert 400 <= answer.status < 500, answer
    assert b"repositories" not in answer.body


def signed(berth: BerthServer) -> list[tuple[str, str]]:
    """Returns the headers of a request that is answered well."""
    headers = [("Host", berth.host), *request(berth, DESCRIBE).headers.items()]
    headers += [("Content-Length", "2"), ("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")]
    assert ask(berth, "POST", "/", headers, b"{}").status == 200
    return headers


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", None),
        ("Authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e"),
        ("Authorization", "Basic YTpi"),
        ("Host", None),
        ("Host", "other.example"),
        ("X-Amz-Date", None),
        ("X-Amz-Date", "20200101T000000Z"),
        ("X-Amz-Target", None),
        ("X-Amz-Target", TARGET.replace("Describe", "Delete")),
        ("Content-Type", None),
        ("Content-Type", "text/plain"),
        ("Content-Length", "3"),
        ("Content-Length", "0"),
        ("Content-Length", "-1"),
        ("Content-Length", "2, 2x"),
        ("Transfer-Encoding", "chunked"),
        ("Transfer-Encoding", "identity"),
        ("X-Amz-Content-Sha256", None),
        ("X-Amz-Security-Token", "none"),
    ],
)
def test_headers_come_once(
    berth: BerthServer, name: str, value: str | None, *, first: bool
) -> None:
    headers = signed(berth)
    again = (name, dict(headers)[name] if value is None else value)
    answer = ask(berth, "POST", "/", [again, *headers] if first else [*headers, again], b"{}")
    assert 400 <= answer.status < 500, answer
    if name.startswith(("X-Amz", "Authorization", "Content-Type")):
        assert answer.headers["Content-Type"] == JSON_1_1
        assert answer.json()["__type"].endswith("Exception")


@pytest.mark.parametrize("first", [True, False])
def test_credentials_come_once(berth: BerthServer, kim: tuple[str, str], *, first: bool) -> None:
    """Whoever stands before the registry may have looked at the other ones."""
    both = [basic(*berth.auth), basic(*kim)]
    headers = [("Host", berth.host), *(both if first else reversed(both))]
    answer = ask(berth, "GET", "/v2/team/b/manifests/v1", headers)
    assert answer.status == 401
    assert answer.json()["errors"][0]["code"] == "UNAUTHORIZED"


def test_lengths_that_contradict_are_refused(berth: BerthServer) -> None:
    """Or a proxy in between would see other requests than the registry does."""
    path, host = f"/v2/team/a/blobs/uploads/?digest={DIGEST}", ("Host", berth.host)
    for lengths in (
        [("Content-Length", "4"), ("Content-Length", "5")],
        [("Content-Length", "4"), ("Transfer-Encoding", "chunked")],
        [("Transfer-Encoding", "chunked"), ("Content-Length", "4")],
        [("Transfer-Encoding", "chunked, identity")],
        [("Transfer-Encoding", "xchunked")],
        [("Content-Length", "+4")],
        [("Content-Length", "0x4")],
        [("Content-Length", "18446744073709551616")],
    ):
        body = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
        answer = ask(berth, "POST", path, [host, basic(*berth.auth), *lengths], body)
        assert 400 <= answer.status < 500, (lengths, answer)
    is_fine(berth)


def test_forged_signatures_are_refused(berth: BerthServer) -> None:
    def altered(at: int) -> AWSRequest:
        forged = request(berth, DESCRIBE)
        header = forged.headers["Authorization"]
        where = header.index("Signature=") + len("Signature=") + at
        digit = "0" if header[where] != "0" else "1"
        forged.headers.replace_header("Authorization", header[:where] + digit + header[where + 1 :])
        return forged

    def cut(length: int) -> AWSRequest:
        forged = request(berth, DESCRIBE)
        header = forged.headers["Authorization"]
        forged.headers.replace_header("Authorization", header[: len(header) - 64 + length])
        return forged

    forgeries = [altered(at) for at in range(64)] + [cut(length) for length in (0, 1, 32, 63)]
    with ThreadPoolExecutor(16) as pool:
        for answer in pool.map(send, forgeries):
            check_error(answer, "InvalidSignatureException", "does not match")


def test_a_header_may_be_cut_anywhere(berth: BerthServer) -> None:
    whole = request(berth, DESCRIBE).headers["Authorization"]

    def cut(length: int) -> RawAnswer:
        headers = dict(request(berth, DESCRIBE).headers.items()) | {"Authorization": whole[:length]}
        headers |= {"Host": berth.host, "Content-Length": "2"}
        return ask(berth, "POST", "/", list(headers.items()), b"{}")

    with ThreadPoolExecutor(16) as pool:
        for answer in pool.map(cut, range(0, len(whole) - 64, 3)):
            assert answer.status == 400
            assert answer.json()["__type"] in (
                "IncompleteSignatureException",
                "InvalidSignatureException",
                "UnrecognizedClientException",
            )


def test_tokens_of_another_registry_are_refused(berth: BerthServer) -> None:
    """Though both have the same root with the same secret."""
    with BerthServer() as other:
        data = call(other, "GetAuthorizationToken")["authorizationData"][0]
        login = {"Authorization": f"Basic {data['authorizationToken']}"}
        assert requests.get(other.url + "/v2/", headers=login, timeout=30).status_code == 200
        assert requests.get(berth.url + "/v2/", headers=login, timeout=30).status_code == 401
        url = "/token?scope=registry:catalog:*"
        bearer = requests.get(other.url + url, headers=login, timeout=30).json()["token"]
        header = {"Authorization": f"Bearer {bearer}"}
        catalog = "/v2/_catalog"
        assert requests.get(other.url + catalog, headers=header, timeout=30).status_code == 200
        assert requests.get(berth.url + catalog, headers=header, timeout=30).status_code == 401
        # A signature names the host that it is for.
        signed_there = request(other, DESCRIBE)
        signed_there.url = signed_there.url.replace(other.url, berth.url)
        check_error(send(signed_there), "InvalidSignatureException", "does not match")

"""Behind a proxy: whose word on a client's address, protocol and host is believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests
from berth_server import BerthServer
from ecr_http import check_error, request, send
from test_users import administer, allow, done, policy

OFFICE = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
def behind() -> Iterator[BerthServer]:
    """A registry that trusts the proxy at 127.0.0.1, where these tests are."""
    with BerthServer(args=["--trusted-proxies", "127.0.0.1,10.0.0.0/8"]) as server:
        yield server


Catalog = Callable[[BerthServer, dict[str, str]], int]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """Asks for the catalog as a user who may from an office by TLS, and returns the status."""
    known: dict[str, tuple[str, str]] = {}

    def user(berth: BerthServer) -> tuple[str, str]:
        done(administer(berth, "CreateUser", userName="kim"))
        condition = {
            "IpAddress": {"aws:SourceIp": "203.0.113.0/24"},
            "Bool": {"aws:SecureTransport": "true"},
        }
        document = policy(allow("ecr:DescribeRepositories") | {"Condition": condition})
        names = {"userName": "kim", "policyName": "office"}
        done(administer(berth, "PutUserPolicy", policyDocument=document, **names))
        key = done(administer(berth, "CreateAccessKey", userName="kim"))["accessKey"]
        assert isinstance(key, dict)
        return (key["accessKeyId"], key["secretAccessKey"])

    def ask(berth: BerthServer, headers: dict[str, str]) -> int:
        if berth.url not in known:
            known[berth.url] = user(berth)
        url, auth = berth.url + "/v2/_catalog", known[berth.url]
        return requests.get(url, auth=auth, headers=headers, timeout=30).status_code

    return ask


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (OFFICE, 200),
        ({"Forwarded": "for=203.0.113.7;proto=https"}, 200),
        ({"Forwarded": "for=10.9.9.9, for=203.0.113.7;proto=https, for=10.0.0.2"}, 200),
        (OFFICE | {"X-Forwarded-For": "10.9.9.9, 203.0.113.7, 10.0.0.2"}, 200),
        # Only the last stranger counts.
        (OFFICE | {"X-Forwarded-For": "203.0.113.7, 192.0.2.1"}, 403),
        ({"Forwarded": "for=203.0.113.7;proto=https, for=192.0.2.1;proto=https"}, 403),
        (OFFICE | {"X-Forwarded-Proto": "http"}, 403),
        ({"X-Forwarded-For": "203.0.113.7"}, 403),
        ({"Forwarded": "for=_hidden;proto=https"}, 403),
        ({}, 403),
        (OFFICE | {"Forwarded": "for=203.0.113.7;proto=http"}, 400),
        ({"Forwarded": 'for="203.0.113.7;proto=https'}, 400),
        (OFFICE | {"X-Forwarded-For": "203.0.113.7, office"}, 400),
        (OFFICE | {"X-Forwarded-For": "203.0.113.7," * 400}, 400),
    ],
)
def test_policies_see_the_client(
    behind: BerthServer, catalog: Catalog, headers: dict[str, str], status: int
) -> None:
    assert catalog(behind, headers) == status


@pytest.mark.local
def test_strangers_are_not_believed(berth: BerthServer, catalog: Catalog) -> None:
    for headers in (OFFICE, {"Forwarded": "for=203.0.113.7;proto=https"}):
        assert catalog(berth, headers) == 403


def test_clients_see_the_proxys_host(behind: BerthServer) -> None:
    told = OFFICE | {"X-Forwarded-Host": "registry.example:8443"}
    challenge = requests.get(behind.url + "/v2/", headers=told, timeout=30)
    assert 'realm="https://registry.example:8443/token"' in challenge.headers["WWW-Authenticate"]
    answer = send(request(behind, "GetAuthorizationToken", headers=told)).json()
    endpoint = answer["authorizationData"][0]["proxyEndpoint"]
    assert endpoint == "https://registry.example:8443"


@pytest.mark.parametrize("told", [{"X-Forwarded-Host": "registry.example"}, {}])
def test_signatures_hold_behind_the_proxy(behind: BerthServer, told: dict[str, str]) -> None:
    """The client signs the host that it sees; the proxy puts its own in the request."""
    signed = request(behind, "DescribeRepositories", headers={"Host": "registry.example"})
    signed.headers.replace_header("Host", behind.host)
    for name, value in (OFFICE | told).items():
        signed.headers[name] = value
    answer = send(signed)
    if told:
        assert answer.status_code == 200, answer.text
    else:
        check_error(answer, "InvalidSignatureException", "does not match")

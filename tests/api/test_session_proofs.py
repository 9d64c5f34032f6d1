"""Proofs of AWS principals: which are taken, and which refused."""

from __future__ import annotations

import json
import random
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import requests
from berth_server import BerthServer
from botocore.credentials import Credentials
from session_proofs import (
    INVALID,
    SECRET,
    SESSION,
    UNKNOWN,
    Proof,
    check_refused,
    exchange,
    keys,
    proof,
    trusting,
)
from sts_stand_in import StsStandIn, refusal

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def berth(sts: StsStandIn) -> Iterator[BerthServer]:
    with trusting(sts) as server:
        yield server


def test_a_proof_is_good_once(berth: BerthServer, sts: StsStandIn, ci: Credentials) -> None:
    used = proof(berth, sts, ci)
    answers: list[requests.Response] = []
    threads = [
        threading.Thread(target=lambda: answers.append(exchange(berth, used))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 5
    asked = len(sts.requests)
    check_refused(exchange(berth, used), 403, "InvalidSignatureException", "used before")
    assert len(sts.requests) == asked


def test_a_proof_is_fresh(berth: BerthServer, sts: StsStandIn, ci: Credentials) -> None:
    def at(minutes: float) -> requests.Response:
        return exchange(berth, proof(berth, sts, ci, minutes=minutes))

    code = "InvalidSignatureException"
    check_refused(at(-5.1), 403, code, "Signature expired")
    check_refused(at(1.1), 403, code, "Signature not yet current")
    check_refused(at(-60 * 24), 403, code, "Signature expired")
    keys(at(-4.9))
    keys(at(0.9))


def test_a_proof_is_for_one_registry(berth: BerthServer, sts: StsStandIn, ci: Credentials) -> None:
    asked = len(sts.requests)
    other = proof(berth, sts, ci, registry="registry.example.com")
    check_refused(exchange(berth, other), 403, "AccessDeniedException", "'registry.example.com'")
    # What a client says of the host counts for this machine's own names alone.
    answer = requests.post(
        berth.url + "/session",
        json=other,
        headers={"Host": "registry.example.com"},
        timeout=30,
    )
    check_refused(answer, 403, "AccessDeniedException", "--public-url")
    renamed = proof(berth, sts, ci, registry="registry.example.com")
    renamed["headers"]["X-Berth-Registry"] = berth.host
    assert len(sts.requests) == asked
    check_refused(exchange(berth, renamed), 403, "UnrecognizedClientException", "SignatureDoesNot")


def free_port() -> int:
    """Returns a port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NamedServer(BerthServer):
    """A registry that is told its own name."""

    def command(self) -> list[str]:
        """Returns the command line, on the port that the name has."""
        return [f"127.0.0.1:{PORT}" if arg == "127.0.0.1:0" else arg for arg in super().command()]


PORT = free_port()


def test_a_named_registry_believes_no_client(sts: StsStandIn, ci: Credentials) -> None:
    name = f"127.0.0.1:{PORT}"
    env = {"BERTH_STS_ENDPOINT": sts.url, "BERTH_PUBLIC_URL": f"http://{name}"}
    with NamedServer(env=env) as berth:
        url, code = berth.url + "/session", "AccessDeniedException"
        own, other = proof(berth, sts, ci), proof(berth, sts, ci, registry="localhost:5001")
        for headers in ({}, {"Host": "localhost:5001"}):
            answer = requests.post(url, json=own, headers=headers, timeout=30)
            check_refused(answer, 403, code, "no trust lets it in")
            answer = requests.post(url, json=other, headers=headers, timeout=30)
            check_refused(answer, 403, code, "'localhost:5001'")


def change(name: str, value: str | None) -> Callable[[Proof], None]:
    """Returns what alters, adds or takes away a header."""

    def alter(proof: Proof) -> None:
        if value is None:
            del proof["headers"][name]
        else:
            proof["headers"][name] = value

    return alter


def sign_less(name: str) -> Callable[[Proof], None]:
    def alter(proof: Proof) -> None:
        header = proof["headers"]["Authorization"]
        proof["headers"]["Authorization"] = header.replace(f"{name};", "").replace(f";{name}", "")

    return alter


def another_body(proof: Proof) -> None:
    proof["body"] = "Action=GetSessionToken&Version=2011-06-15"


INCOMPLETE = "IncompleteSignatureException"


@pytest.mark.parametrize(
    ("alter", "status", "code"),
    [
        (another_body, 400, INVALID),
        (change("Host", "sts.amazonaws.com"), 400, INVALID),
        (change("Host", "169.254.169.254"), 400, INVALID),
        (change("Content-Type", "application/json"), 400, INVALID),
        (change("X-Amz-Security-Token", "other"), 403, UNKNOWN),
        (change("X-Amz-Security-Token", None), 400, INVALID),
        (change("X-Amz-Date", "20200101T000000Z"), 403, "InvalidSignatureException"),
        (change("X-Amz-Date", None), 400, INVALID),
        (change("X-Berth-Registry", None), 400, INVALID),
        (change("X-Berth-Nonce", "other"), 403, UNKNOWN),
        (change("X-Berth-Nonce", None), 400, INVALID),
        (change("Authorization", None), 400, INVALID),
        (change("Authorization", "Basic YTpi"), 400, INCOMPLETE),
        (change("X-Amz-Target", "more"), 400, INVALID),
        (change("X-Forwarded-For", "10.0.0.1"), 400, INVALID),
        (sign_less("x-berth-registry"), 400, INVALID),
        (sign_less("x-amz-security-token"), 400, INVALID),
    ],
)
def test_altered_proofs_are_refused(
    berth: BerthServer,
    sts: StsStandIn,
    ci: Credentials,
    alter: Callable[[Proof], None],
    status: int,
    code: str,
) -> None:
    altered = proof(berth, sts, ci)
    alter(altered)
    check_refused(exchange(berth, altered), status, code)


def test_proofs_that_aws_refuses(berth: BerthServer, sts: StsStandIn, ci: Credentials) -> None:
    forged = Credentials("ASIACI", "guessed", "aws-token")
    check_refused(exchange(berth, proof(berth, sts, forged)), 403, UNKNOWN, "SignatureDoesNotMatch")
    strange = Credentials("AKIANOBODY", SECRET)
    check_refused(exchange(berth, proof(berth, sts, strange)), 403, UNKNOWN, "InvalidClientTokenId")
    ended = sts.know("ASIAENDED", SECRET, SESSION, token="t", expired=True)
    check_refused(exchange(berth, proof(berth, sts, ended)), 403, "ExpiredTokenException")
    assert ci


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"x" * 1_000_000),
        (200, b"<GetCallerIdentityResponse/>"),
        (200, b"{}"),
        (302, b""),
        (500, b""),
        (503, refusal("ServiceUnavailable")[1]),
        refusal("Throttling"),
    ],
)
def test_an_aws_that_fails_lets_nobody_in(
    berth: BerthServer, sts: StsStandIn, ci: Credentials, answer: tuple[int, bytes]
) -> None:
    sts.instead = answer
    refused_proof = proof(berth, sts, ci)
    check_refused(exchange(berth, refused_proof), 503, "ServerException", "STS")
    # The proof was not used up.
    sts.instead = None
    keys(exchange(berth, refused_proof))


def test_an_aws_that_is_slow_or_down(berth: BerthServer, sts: StsStandIn, ci: Credentials) -> None:
    sts.delay = 6
    answer = exchange(berth, proof(berth, sts, ci))
    check_refused(answer, 503, "ServerException", "STS")
    assert 4 < answer.elapsed.total_seconds() < 6
    with BerthServer(env={"BERTH_STS_ENDPOINT": "http://127.0.0.1:9"}) as lonely:
        lost = proof(lonely, sts, ci)
        lost["headers"]["Host"] = "127.0.0.1:9"
        check_refused(exchange(lonely, lost), 503, "ServerException", "STS")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"headers": []}', 400),
        (b'{"headers": {"Host": 1}, "body": ""}', 400),
        (b"\xff", 400),
        (b" " * 20_000, 413),
    ],
)
def test_other_bodies(berth: BerthServer, body: bytes, status: int) -> None:
    check_refused(exchange(berth, body), status, "SerializationException")


def test_random_bodies(berth: BerthServer, sts: StsStandIn, ci: Credentials) -> None:
    """Bytes of chance, and proofs that chance has cut, are refused in the right form."""
    chance = random.Random(20261121)
    good = json.dumps(proof(berth, sts, ci)).encode()
    asked = len(sts.requests)
    with requests.Session() as session:
        for number in range(2000):
            if number % 2:
                body = chance.randbytes(chance.randrange(200))
            else:
                start = chance.randrange(1, len(good))
                body = good[:start] + chance.randbytes(chance.randrange(8))
            answer = session.post(berth.url + "/session", data=body, timeout=30)
            assert answer.status_code == 400, (body, answer.text)
            assert answer.json()["__type"].endswith("Exception")
    assert len(sts.requests) == asked


def test_the_registry_asks_aws_alone(ci: Credentials, sts: StsStandIn) -> None:
    with BerthServer() as berth:
        answer = exchange(berth, proof(berth, sts, ci))
        check_refused(answer, 400, INVALID, "none of the hosts of AWS STS")

"""Prints what pulls, pushes and storage cost in AWS, beside ECR's price, as Markdown.

    python3 tests/bench/costs.py

The calls of each operation are those that `tests/it/round_trips.rs` counts. The durations are
those of docs/performance.md and some waiting for DynamoDB and S3: 5 ms a call, 30 ms a PUT, as
their users report it. The prices are AWS's list prices of us-east-1 without free tiers, as the
authors knew them in November 2026, without a connection to AWS's pages: compare them before you
count on them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MILLION = 1_000_000
GATEWAY_REQUEST = 1.00 / MILLION  # HTTP API, each 512 KiB of a payload
LAMBDA_REQUEST = 0.20 / MILLION
LAMBDA_GB_SECOND = 0.0000133334  # arm64
READ_UNIT = 0.125 / MILLION  # DynamoDB on demand: 4 KB consistently, 8 KB eventually
WRITE_UNIT = 0.625 / MILLION  # 1 KB; two units in a transaction
S3_PUT = 5.00 / MILLION  # PUT, POST, COPY
S3_GET = 0.40 / MILLION
S3_GB_MONTH = 0.023
TABLE_GB_MONTH = 0.25
ECR_GB_MONTH = 0.10
KEY_MONTH = 1.00
SECRET_MONTH = 0.40
EVENT = 1.00 / MILLION  # EventBridge, each 64 KiB
ALARMS_MONTH = 2.90  # 29
METRICS_MONTH = 13.20  # 44, by the hours in which there are requests: at most
POLLS_MONTH = 0.78  # 5 pollers for each of 3 queues, which ask three times a minute
LOGS_REQUEST = 0.50 / MILLION  # 1 KB of a function's log and the gateway's

METERED_BYTES = 512 * 1024
FUNCTION_GB = {
    "oci-pull": 0.5,
    "oci-push": 1.769,
    "oci-delete": 0.25,
    "token": 0.25,
    "dispatch": 0.25,
}


@dataclass(frozen=True)
class Operation:
    """One request, or what follows from one: its function, its time, what it reads and writes."""

    function: str
    milliseconds: float
    reads: float = 0.0
    writes: float = 0.0
    puts: float = 0.0
    gets: float = 0.0
    payload: int = 0
    events: float = 0.0

    @property
    def is_request(self) -> bool:
        """Returns whether a client sends it through the gateway."""
        return self.function != "dispatch"

    def dollars(self) -> float:
        """Returns its price."""
        metered = max(1, -(-self.payload // METERED_BYTES)) if self.is_request else 0
        memory = FUNCTION_GB[self.function]
        return (
            metered * GATEWAY_REQUEST
            + LOGS_REQUEST
            + LAMBDA_REQUEST
            + memory * self.milliseconds / 1000 * LAMBDA_GB_SECOND
            + self.reads * READ_UNIT
            + self.writes * WRITE_UNIT
            + self.puts * S3_PUT
            + self.gets * S3_GET
            + self.events * EVENT
        )


@dataclass(frozen=True)
class Scenario:
    """What a client does, as the requests that it takes."""

    name: str
    requests: list[tuple[int, Operation]] = field(default_factory=list)

    def dollars(self) -> float:
        """Returns the price of doing it once."""
        return sum(count * operation.dollars() for count, operation in self.requests)

    def count(self) -> int:
        """Returns the number of requests."""
        return sum(count for count, operation in self.requests if operation.is_request)


LAYERS = 5
BLOBS = LAYERS + 1  # and the config

CHALLENGE = Operation("oci-pull", 2)
TOKEN = Operation("token", 3)
HEAD_MANIFEST = Operation("oci-pull", 8, reads=1)
# The tag is read consistently; the manifest behind it is remembered, or read at half the price.
GET_MANIFEST = Operation("oci-pull", 8, reads=1.5)
# Signing the URL costs nothing at S3; following it does.
GET_BLOB = Operation("oci-pull", 6, reads=0.5, gets=1)
# Not there: what was read eventually is read again consistently.
HEAD_NEW_BLOB = Operation("oci-pull", 10, reads=1.5)
HEAD_BLOB = Operation("oci-pull", 6, reads=0.5, gets=1)
# Every write is part of a transaction, which costs two units an item.
POST_UPLOAD = Operation("oci-push", 10, writes=2)
# Record, session and layer are read together; session, layer and link are one transaction.
PUT_BLOB = Operation("oci-push", 60, reads=3, writes=6, puts=1, payload=2 * 1024 * 1024)
# Record, tag, image and blobs are read before, record and blobs after. The transaction writes
# image, manifest (2 KB), tag both ways, a use of each blob and an event.
PUT_MANIFEST = Operation(
    "oci-push", 30, reads=3 + BLOBS + 1 + BLOBS, writes=2 * (1 + 2 + 2 + BLOBS + 1), payload=2048
)
# The event is read, published, and deleted with two counters added to. Alone: a batch costs less.
DISPATCH = Operation("dispatch", 40, reads=3, writes=2 * 3, events=1)

SCENARIOS = [
    Scenario(
        f"pull an image of {LAYERS} layers",
        [(1, CHALLENGE), (1, TOKEN), (1, HEAD_MANIFEST), (1, GET_MANIFEST), (BLOBS, GET_BLOB)],
    ),
    Scenario(
        "look whether a tag has moved",
        [(1, CHALLENGE), (1, TOKEN), (1, HEAD_MANIFEST)],
    ),
    Scenario(
        f"push an image of {LAYERS} layers of 2 MiB",
        [
            (1, CHALLENGE),
            (1, TOKEN),
            (BLOBS, HEAD_NEW_BLOB),
            (BLOBS, POST_UPLOAD),
            (BLOBS, PUT_BLOB),
            (1, PUT_MANIFEST),
            (1, DISPATCH),
        ],
    ),
    Scenario(
        "push an image whose layers are there",
        [(1, CHALLENGE), (1, TOKEN), (BLOBS, HEAD_BLOB), (1, PUT_MANIFEST), (1, DISPATCH)],
    ),
]


def main() -> None:
    """Prints both tables."""
    print("| a million times | requests each | Berth | ECR |")
    print("|---|---|---|---|")
    for scenario in SCENARIOS:
        dollars = scenario.dollars() * MILLION
        print(f"| {scenario.name} | {scenario.count()} | ${dollars:,.2f} | $0 |")
    print()
    # Items of an image of 100 MB come to some 4 KB.
    gigabytes = 500
    table = gigabytes * 10 * 4 / MILLION * TABLE_GB_MONTH
    stack = KEY_MONTH + SECRET_MONTH + ALARMS_MONTH + METRICS_MONTH + POLLS_MONTH
    berth = gigabytes * S3_GB_MONTH + table + stack
    print("| a month | Berth | ECR |")
    print("|---|---|---|")
    print(f"| 500 GB of storage | ${berth:,.2f} | ${gigabytes * ECR_GB_MONTH:,.2f} |")
    pull = SCENARIOS[0].dollars()
    saved = gigabytes * ECR_GB_MONTH - berth
    print()
    print(
        f"With 500 GB, ECR is cheaper from {saved / pull / MILLION:,.1f} million pulls a month on."
    )


if __name__ == "__main__":
    main()

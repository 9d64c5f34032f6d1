"""The direction of dependencies, as docs/ARCHITECTURE.md draws it.

`deny.toml` fences crates that stand for a service; this test says what each of our crates may
depend on at all. A pure crate does no I/O: nothing that could is on its list.
"""

import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).parents[2]

# What a function may name: it is wiring.
FUNCTION = {"berth-aws", "berth-lambda-kit", "berth-registry", "berth-settings"}

# Of our own crates, what each may name (tests aside).
INTERNAL = {
    "berth-types": set(),
    "berth-policy": set(),
    "berth-lifecycle": set(),
    "berth-registry": {"berth-lifecycle", "berth-policy", "berth-types"},
    "berth-oci-api": {"berth-registry", "berth-types"},
    "berth-ecr-api": {"berth-lifecycle", "berth-policy", "berth-registry", "berth-types"},
    "berth-aws": {"berth-registry", "berth-types"},
    "berth-embedded": {"berth-registry", "berth-types"},
    "berth-http-server": {"berth-oci-api", "berth-registry"},
    "berth-settings": {
        "berth-ecr-api",
        "berth-oci-api",
        "berth-registry",
        "berth-sts",
        "berth-types",
    },
    "berth-collect": FUNCTION,
    "berth-dispatch": FUNCTION,
    "berth-ecr-api-function": FUNCTION,
    "berth-lifecycle-function": FUNCTION,
    "berth-oci-delete": FUNCTION,
    "berth-oci-pull": FUNCTION,
    "berth-oci-push": FUNCTION,
    "berth-replicate": FUNCTION,
    "berth-schedule": FUNCTION,
    "berth-session": FUNCTION,
    "berth-sts": {"berth-registry", "berth-types"},
    "berth-token": FUNCTION,
    "berth-lambda-kit": {"berth-ecr-api", "berth-oci-api", "berth-registry", "berth-settings"},
    "berth-edge": {
        "berth-aws",
        "berth-http-server",
        "berth-oci-api",
        "berth-registry",
        "berth-settings",
    },
    "berth-local": {
        "berth-ecr-api",
        "berth-embedded",
        "berth-http-server",
        "berth-oci-api",
        "berth-registry",
        "berth-sts",
        "berth-types",
    },
}

# All that a pure crate may name of other people's.
PURE = {
    "berth-lifecycle": {"serde_json", "thiserror"},
    "berth-policy": {"base64", "serde", "serde_json", "thiserror"},
    "berth-types": {"serde", "serde_json", "sha2", "thiserror"},
}

# What no crate above the ports may name: servers, stores, files.
ABOVE_THE_PORTS = ("berth-types", "berth-registry", "berth-oci-api", "berth-ecr-api")
BENEATH = {"hyper", "hyper-util", "rusqlite", "rustix", "rustls", "tokio-rustls", "clap"}

# What the HTTP server may not name: it is one, and no store or TLS stack is its own.
NOT_THE_SERVERS = BENEATH - {"hyper", "hyper-util", "rustix"}


def dependencies():
    """Returns the names of each package's dependencies, those of its tests left out."""
    command = ["cargo", "metadata", "--no-deps", "--format-version=1", "--offline"]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    return {
        package["name"]: {
            dependency["name"]
            for dependency in package["dependencies"]
            if dependency["kind"] != "dev"
        }
        for package in json.loads(output)["packages"]
    }


def test_crates_name_only_what_lies_below_them():
    for package, named in dependencies().items():
        if package in INTERNAL:
            ours = {name for name in named if name.startswith("berth-")}
            assert ours <= INTERNAL[package], package


def test_pure_crates_do_no_io():
    found = dependencies()
    for package, allowed in PURE.items():
        assert found[package] <= allowed, package


def test_servers_and_stores_stay_beneath_the_ports():
    found = dependencies()
    for package in ABOVE_THE_PORTS:
        assert not found[package] & BENEATH, package


def test_the_server_has_no_store_and_no_tls_stack():
    assert not dependencies()["berth-http-server"] & NOT_THE_SERVERS


def test_processes_with_an_sdk_have_one_tls_stack():
    sdks = {"aws-sdk-ecr", "berth-aws"}
    with_sdk = [package for package, named in dependencies().items() if named & sdks]
    assert {"berth-edge", "berth-sdk-client"} <= set(with_sdk)
    for package in with_sdk:
        command = ["cargo", "tree", "--offline", "--edges=normal", "--prefix=none"]
        command += ["--package", package]
        tree = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        linked = {line.split()[0] for line in tree.splitlines()}
        assert len(linked & {"ring", "openssl", "native-tls", "aws-lc-rs"}) == 1, package


def test_every_crate_is_listed():
    listed = set(INTERNAL) | {
        "berth-bench",
        "berth-contract",
        "berth-it",
        "berth-load",
        "berth-sdk-client",
    }
    assert set(dependencies()) <= listed

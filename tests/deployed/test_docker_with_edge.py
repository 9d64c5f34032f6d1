"""Docker with a layer that no function can receive: its bytes go to the edge, past the gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import images
import pytest
from clients import Registry
from edge_server import Edge
from ministack import free_port
from stack import Stack

LAYER = 200 * images.MIB


@pytest.fixture
def edge(stack: Stack) -> Iterator[Edge]:
    """A running edge, which the stack's functions know as the upload host."""
    functions = {logical: stack.environment(logical) for logical in stack.function_names}

    def tell(told: dict[str, str]) -> None:
        for logical, variables in functions.items():
            stack.lambda_.update_function_configuration(
                FunctionName=stack.resources[logical], Environment={"Variables": variables | told}
            )

    with Edge(stack, port=free_port()) as running:
        tell({"BERTH_UPLOAD_HOST": running.url})
        yield running
        tell({})


def test_docker_pushes_and_pulls_a_large_layer(
    stack: Stack, edge: Edge, dockerd: Callable[..., str], tmp_path: Path
) -> None:
    user, password = stack.auth
    dockerd("login", "--username", user, "--password-stdin", stack.host, stdin=password)
    tar = tmp_path / "root.tar"
    tar.write_bytes(images.tar_of({"data": images.random_bytes("docker-edge", LAYER)}))
    name = f"{stack.host}/deployed/docker:v1"
    image_id = dockerd("import", tar, name).strip()
    at_the_gateway = stack.gateway.answers("PATCH", 202)
    dockerd("push", name)
    assert stack.gateway.answers("PATCH", 202) == at_the_gateway
    assert '"method":"PATCH"' in edge.log
    Registry(stack).assert_whole("deployed/docker", "v1")
    dockerd("image", "rm", "--force", image_id)
    dockerd("pull", name)
    assert dockerd("inspect", "--format", "{{.Id}}", name).strip() == image_id
    dockerd("image", "rm", "--force", image_id)
    dockerd("logout", stack.host)

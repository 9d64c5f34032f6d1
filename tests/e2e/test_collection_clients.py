"""A server that collects beside its clients, which push, mount, pull and delete.

Collection comes every 24 seconds, and leaves what nothing uses for half a minute before each of its
steps. Layers fall out of use and come back, and manifests come long after their layers, so that
clients meet layers in each state: unused, condemned, taken away. What a client was told that it
pushed, it finds whole until it deletes it; in the end nothing is left of what nothing uses.
"""

from __future__ import annotations

import random
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import images
import pytest
from berth_server import BerthServer, berth_binary
from clients import Registry
from ecr_http import client
from waiting import eventually

PERIOD_SECONDS = 24
DELAY_SECONDS = 30
CLIENTS = 4
CHAOS_SECONDS = 200
# After a step was possible, the collection that takes it may be nearly two periods away. There are
# four of them, the first without a delay, and jobs take some time.
PATIENCE = PERIOD_SECONDS + 3 * (DELAY_SECONDS + 2 * PERIOD_SECONDS) + 60
# The longest time between the layers of an image and its manifest: they may be gone by then.
LONGEST_SLEEP = 150
# So long the same layers are in use.
SEASON_SECONDS = 40
SEASONS = [[f"season-{season}/{number}" for number in range(2)] for season in range(4)]
SHARED = ["soak/one", "soak/two"]
KEPT = "soak/kept"
MOST_IMAGES = 6
SEED = 41


class Client:
    """Pushes images of its own, made of layers that others push as well."""

    def __init__(self, server: BerthServer, number: int) -> None:
        self.registry = Registry(server)
        self.ecr = client(server)
        self.number = number
        self.random = random.Random(f"{SEED}-{number}")
        self.began = time.monotonic()
        self.made = 0
        self.pushes = 0
        self.mine: list[tuple[str, images.Manifest]] = []
        # Images whose layers are there, and when their manifests follow.
        self.asleep: list[tuple[float, str, images.Manifest]] = []
        self.awake: list[tuple[str, images.Manifest]] = []
        self.overslept = 0

    def live(self) -> None:
        """Does what comes to its mind, for as long as the test lasts."""
        acts = [self.push_one, self.delete_one, self.pull_one]
        acts += [self.lay_down, self.delete_layer, self.abandon, self.visit]
        while time.monotonic() < self.began + CHAOS_SECONDS:
            (act,) = self.random.choices(acts, [8, 6, 6, 1, 1, 1, 1])
            act()
            self.wake_up()

    def end(self) -> None:
        """Finds all that it has, and deletes it."""
        self.mine += self.awake
        while self.mine:
            self.delete_one()

    def new_image(self) -> images.Manifest:
        """Makes an image of layers that are in use, or now and then of others."""
        season = int((time.monotonic() - self.began) / SEASON_SECONDS)
        if self.random.random() < 0.003:
            season = self.random.randrange(len(SEASONS))
        self.made += 1
        shared = SEASONS[season % len(SEASONS)]
        return images.image(f"{self.number}-{self.made}", layers=0, layer_size=4096, shared=shared)

    def push_one(self) -> None:
        if len(self.mine) >= MOST_IMAGES:
            self.delete_one()
        repository, image = self.random.choice(SHARED), self.new_image()
        self.push(repository, image)
        self.mine.append((repository, image))

    def pull_one(self) -> None:
        for images_ in filter(None, (self.mine, self.awake)):
            repository, image = self.random.choice(images_)
            self.registry.assert_whole(repository, image.digest)

    def delete_one(self) -> None:
        if self.mine:
            repository, image = self.mine.pop(self.random.randrange(len(self.mine)))
            self.registry.assert_whole(repository, image.digest)
            path = f"/v2/{repository}/manifests/{image.digest}"
            answer = self.registry.request("DELETE", path)
            assert answer.status_code == 202, answer.text

    def lay_down(self) -> None:
        """Pushes the layers of an image that nobody shares."""
        repository, seed = self.random.choice(SHARED), f"asleep-{self.number}-{self.made}"
        self.made += 1
        image = images.image(seed, layers=1, layer_size=4096)
        for blob in image.blobs:
            self.registry.push_blob(repository, blob)
        due = time.monotonic() + self.random.uniform(0, LONGEST_SLEEP)
        self.asleep.append((due, repository, image))

    def wake_up(self) -> None:
        """Pushes manifests whose layers were pushed a while ago, and with them what is gone."""
        due = [sleeper for sleeper in self.asleep if sleeper[0] <= time.monotonic()]
        for sleeper in due:
            self.asleep.remove(sleeper)
            _, repository, image = sleeper
            answer = self.registry.put_manifest(repository, image.digest, image)
            if answer.status_code != 201:
                assert "MANIFEST_BLOB_UNKNOWN" in answer.text, answer.text
                self.overslept += 1
                self.push(repository, image)
            self.awake.append((repository, image))

    def delete_layer(self) -> None:
        """Deletes a layer, as long as nobody uses it."""
        repository, image = self.random.choice(SHARED), self.new_image()
        digest = images.sha256(image.blobs[-1])
        answer = self.registry.request("DELETE", f"/v2/{repository}/blobs/{digest}")
        assert answer.status_code in (202, 404, 405), answer.text

    def abandon(self) -> None:
        """Begins an upload, and never ends it."""
        location = self.registry.start_upload(self.random.choice(SHARED))
        answer = self.registry.request("PATCH", location, data=b"half of a layer")
        assert answer.status_code == 202, answer.text

    def visit(self) -> None:
        """Makes a repository, and deletes it with all that is in it."""
        repository, image = f"soak/brief-{self.number}", self.new_image()
        self.ecr.create_repository(repositoryName=repository)
        self.push(repository, image)
        self.ecr.delete_repository(repositoryName=repository, force=True)

    def push(self, repository: str, image: images.Manifest) -> None:
        """Pushes as clients do, and again if a layer went meanwhile; then the image is whole."""
        for _ in range(5):
            for blob in image.blobs:
                path = f"/v2/{repository}/blobs/{images.sha256(blob)}"
                if self.registry.request("HEAD", path).status_code == 404:
                    self.bring(repository, blob)
            answer = self.registry.put_manifest(repository, image.digest, image)
            if answer.status_code == 201:
                self.registry.assert_whole(repository, image.digest)
                self.pushes += 1
                return
            assert "MANIFEST_BLOB_UNKNOWN" in answer.text, answer.text
        raise AssertionError("layers went five times while they were pushed")

    def bring(self, repository: str, blob: bytes) -> None:
        """Brings a blob: by a mount, in one request, or in chunks."""
        digest = images.sha256(blob)
        uploads = f"/v2/{repository}/blobs/uploads/"
        way = self.random.choice(["mount", "whole", "chunks"])
        if way == "whole":
            answer = self.registry.request("POST", f"{uploads}?digest={digest}", data=blob)
            assert answer.status_code == 201, answer.text
            return
        if way == "mount":
            source = self.random.choice([*SHARED, KEPT])
            answer = self.registry.request("POST", f"{uploads}?mount={digest}&from={source}")
            if answer.status_code == 201:
                return
            location = answer.headers["Location"]
        else:
            location = self.registry.start_upload(repository)
        answer = self.registry.request("PATCH", location, data=blob)
        assert answer.status_code == 202, answer.text
        answer = self.registry.finish_upload(answer.headers["Location"], digest)
        assert answer.status_code == 201, answer.text


def files(folder: Path) -> int:
    """Returns how many files a folder has, however deep."""
    return sum(path.is_file() for path in folder.rglob("*"))


def berth(*args: str | Path) -> str:
    """Runs a command that has to succeed, and returns what it prints."""
    command = [str(berth_binary()), *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.local
def test_nothing_in_use_is_lost_and_all_else_goes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    args = ["--schedule-period", f"{PERIOD_SECONDS}s", "--collection-delay", f"{DELAY_SECONDS}s"]
    with BerthServer(data_dir=data, args=args) as server:
        registry = Registry(server)
        # Its layers lie in a repository where they stay, and are mounted from there.
        kept = images.image("kept", layers=0, layer_size=4096, shared=[*SEASONS[0], *SEASONS[2]])
        registry.push(KEPT, "kept", kept)
        for repository in SHARED:
            client(server).create_repository(repositoryName=repository)

        clients = [Client(server, number) for number in range(CLIENTS)]
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(Client.live, clients))
        pushes = sum(client.pushes for client in clients)
        overslept = sum(client.overslept for client in clients)
        awake = sum(len(client.awake) for client in clients)
        print(f"{pushes} pushes, {overslept} of {awake} images overslept")
        assert 0 < overslept < awake, "collection took nothing away beside the clients, or all"
        registry.assert_whole(KEPT, "kept")

        for client_ in clients:
            client_.end()
        eventually(lambda: files(data / "objects") == len(kept.blobs), PATIENCE)
        eventually(lambda: files(data / "uploads") == 0, PATIENCE)
        registry.assert_whole(KEPT, "kept")

    garbage = berth("gc", "--dry-run", "--data-dir", data)
    assert garbage == "would free 0 bytes in 0 objects, and 0 unfinished uploads\n"
    found = berth("verify", "--data-dir", data).splitlines()
    assert found[-1] == "0 damages, 0 counters mended, 0 objects left over", found
    assert not any("damage" in line for line in found[:-1]), found

"""Makes container images without a network: the same seed gives the same bytes.

An `Image` or `Index` is a manifest with the blobs it names. `write_layout` lays any number of them
out as an OCI image layout, which crane, skopeo, regctl and buildah push from.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


def sha256(data: bytes) -> str:
    """Returns the digest of `data`, as registries write it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def random_bytes(seed: int | str, size: int) -> bytes:
    """Returns `size` bytes that only depend on `seed`."""
    return random.Random(seed).randbytes(size)


def random_blocks(seed: int | str, size: int, block: int = 4 * MIB) -> Iterator[bytes]:
    """Yields `size` bytes in blocks that differ from each other, without keeping them."""
    base = memoryview(random_bytes(seed, block))
    for number in range(0, size, block):
        yield (number.to_bytes(8, "big") + base[8:])[: min(block, size - number)]


def descriptor(media_type: str, data: bytes, **more: object) -> dict[str, object]:
    """Returns an OCI descriptor of `data`."""
    return {"mediaType": media_type, "digest": sha256(data), "size": len(data), **more}


def to_json(document: object) -> bytes:
    """Returns the bytes that a digest is computed over."""
    return json.dumps(document, separators=(",", ":")).encode()


def tar_of(files: dict[str, bytes]) -> bytes:
    """Returns an uncompressed tar with `files`, without owners or times."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@dataclass
class Manifest:
    """A manifest's bytes and what must be in the registry before it."""

    data: bytes
    media_type: str
    blobs: list[bytes] = field(default_factory=list)
    children: list[Manifest] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Returns the digest of the manifest."""
        return sha256(self.data)

    def all_blobs(self) -> list[bytes]:
        """Returns the blobs of this manifest and of those it names."""
        return [*self.blobs, *(blob for child in self.children for blob in child.all_blobs())]


def layer(seed: int | str, size: int) -> tuple[bytes, bytes]:
    """Returns a tar of one file of `size` random bytes, and the same compressed."""
    tar = tar_of({f"layer-{seed}": random_bytes(seed, size)})
    return tar, gzip.compress(tar, compresslevel=1, mtime=0)


def image(
    seed: int | str,
    *,
    layers: int = 2,
    layer_size: int = 256 * KIB,
    shared: Sequence[int | str] = (),
    architecture: str = "amd64",
) -> Manifest:
    """Returns an image of `layers` layers of its own after those that the seeds `shared` make."""
    seeds = [*shared, *(f"{seed}/{number}" for number in range(layers))]
    made = [layer(layer_seed, layer_size) for layer_seed in seeds]
    config = to_json(
        {
            "architecture": architecture,
            "os": "linux",
            "created": "2026-01-01T00:00:00Z",
            "config": {"Labels": {"seed": str(seed)}},
            "rootfs": {"type": "layers", "diff_ids": [sha256(tar) for tar, _ in made]},
        }
    )
    zipped = [data for _, data in made]
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG, config),
        "layers": [descriptor(LAYER, data) for data in zipped],
    }
    return Manifest(to_json(manifest), MANIFEST, [config, *zipped])


def index(seed: int | str, architectures: Sequence[str] = ("amd64", "arm64")) -> Manifest:
    """Returns a multi-arch index with one image an architecture."""
    children = [image(f"{seed}/{name}", architecture=name) for name in architectures]
    entries = [
        descriptor(MANIFEST, child.data, platform={"os": "linux", "architecture": name})
        for child, name in zip(children, architectures, strict=True)
    ]
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    return Manifest(to_json(document), INDEX, children=children)


def write_blob(folder: Path, data: bytes) -> None:
    """Writes `data` into the layout's store of blobs."""
    path = folder / "blobs" / "sha256" / sha256(data).removeprefix("sha256:")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_layout(folder: Path, images: dict[str, Manifest]) -> Path:
    """Writes an OCI image layout with one reference an image, and returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)

    def write(manifest: Manifest) -> None:
        for blob in manifest.blobs:
            write_blob(folder, blob)
        for child in manifest.children:
            write(child)
        write_blob(folder, manifest.data)

    entries = []
    for name, manifest in images.items():
        write(manifest)
        annotations = {"org.opencontainers.image.ref.name": name}
        entries.append(
            descriptor(manifest.media_type, manifest.data, annotations=annotations),
        )
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_bytes(
        to_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
    )
    return folder


def read_layout(folder: Path) -> list[str]:
    """Checks every blob of a layout against its name, and returns the manifests it lists."""
    for path in (folder / "blobs" / "sha256").iterdir():
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        assert found == path.name, f"{path} holds the bytes of {found}"
    listed = json.loads((folder / "index.json").read_bytes())["manifests"]
    return [entry["digest"] for entry in listed]

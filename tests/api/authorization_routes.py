"""What each route of `/v2/` is asked for: one row for each method and kind of path, and more where
it depends on the query or the body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from authorization import EXISTING, IMAGE, repository_arn
from images import MANIFEST, sha256

UPLOAD = "2f5a1c2e-8a5b-4c53-9a0e-3f8d9f0c6b11"
LAYER = json.loads(IMAGE.data)["layers"][0]["digest"]
BLOB = b"a blob"
OCTETS = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True)
class Route:
    """A request, and how it is answered to who may send it."""

    # As `Route` in the source calls it.
    kind: str
    method: str
    # `NAME` in it stands for a repository.
    path: str
    actions: tuple[str, ...]
    allowed: int
    # Status if the repository is not there.
    missing: int = 404
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        path, _, query = self.path.replace(LAYER, "LAYER").partition("?")
        path = path.replace(IMAGE.digest, "IMAGE").replace(UPLOAD, "UPLOAD")
        parameters = "".join("?" + pair.split("=")[0] for pair in query.split("&") if pair)
        return f"{self.method} {path.removeprefix('/v2/')}{parameters}"

    def resource(self, name: str = EXISTING) -> str:
        """Returns the resource that the actions are about."""
        return repository_arn("*" if self.kind == "Catalog" else name)

    def path_of(self, name: str = EXISTING) -> str:
        """Returns the path in a repository."""
        return self.path.replace("NAME", name)


def read(kind: str, path: str, action: str, allowed: int = 200, **more: int) -> list[Route]:
    """Returns the rows of GET and HEAD."""
    row = (f"/v2/{path}", (f"ecr:{action}",), allowed)
    return [Route(kind, method, *row, **more) for method in ("GET", "HEAD")]


def manifest(method: str, reference: str, *actions: str, allowed: int) -> Route:
    """Returns the row of a manifest."""
    named = tuple(f"ecr:{action}" for action in actions)
    body, headers = (b"", {})
    if method == "PUT":
        body, headers = (IMAGE.data, {"Content-Type": MANIFEST})
    path = f"/v2/NAME/manifests/{reference}"
    return Route("Manifest", method, path, named, allowed, body=body, headers=headers)


def upload(method: str, end: str, *actions: str, allowed: int, body: bytes = b"") -> Route:
    """Returns the row of an upload, or of their beginning."""
    named = tuple(f"ecr:{action}" for action in actions)
    kind = "Uploads" if method == "POST" else "Upload"
    path = f"/v2/NAME/blobs/uploads/{end}"
    return Route(kind, method, path, named, allowed, body=body, headers=OCTETS if body else {})


NO_DIGEST = "sha256:" + "0" * 64
WHOLE = ("InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload")

ROUTES = [
    *read("Catalog", "_catalog", "DescribeRepositories", missing=200),
    *read("Tags", "NAME/tags/list", "ListImages"),
    # The specification wants an empty list of what is not there.
    *read("Referrers", f"NAME/referrers/{IMAGE.digest}", "ListImageReferrers", missing=200),
    *read("Manifest", "NAME/manifests/v1", "BatchGetImage"),
    *read("Manifest", f"NAME/manifests/{IMAGE.digest}", "BatchGetImage"),
    manifest("PUT", "v1", "PutImage", allowed=201),
    manifest("PUT", IMAGE.digest, "PutImage", allowed=201),
    manifest("PUT", f"{IMAGE.digest}?tag=v2", "PutImage", allowed=201),
    manifest("DELETE", "none", "BatchDeleteImage", allowed=404),
    manifest("DELETE", NO_DIGEST, "BatchDeleteImage", allowed=404),
    Route("Blob", "GET", f"/v2/NAME/blobs/{LAYER}", ("ecr:GetDownloadUrlForLayer",), 200),
    Route("Blob", "HEAD", f"/v2/NAME/blobs/{LAYER}", ("ecr:BatchCheckLayerAvailability",), 200),
    # An image uses it.
    Route("Blob", "DELETE", f"/v2/NAME/blobs/{LAYER}", ("ecr:BatchDeleteImage",), 405),
    upload("POST", "", "InitiateLayerUpload", allowed=202),
    upload("POST", f"?digest={sha256(BLOB)}", *WHOLE, allowed=201, body=BLOB),
    upload("POST", f"?mount={LAYER}&from={EXISTING}", "InitiateLayerUpload", allowed=202),
    upload("GET", UPLOAD, "UploadLayerPart", allowed=404),
    upload("PATCH", UPLOAD, "UploadLayerPart", allowed=404, body=BLOB),
    upload("PUT", f"{UPLOAD}?digest={sha256(BLOB)}", "CompleteLayerUpload", allowed=404),
    upload("PUT", f"{UPLOAD}?digest={sha256(BLOB)}", *WHOLE[2:0:-1], allowed=404, body=BLOB),
    upload("DELETE", UPLOAD, "UploadLayerPart", allowed=404),
]

# Routes that ask for credentials alone.
FREE = {("Base", "GET"), ("Base", "HEAD"), ("Token", "GET"), ("Token", "POST")}

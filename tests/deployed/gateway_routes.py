"""The routes of an HTTP API, read from the CloudFormation template that SAM makes.

API Gateway prefers a whole path to a greedy variable, and that to `$default`. A greedy variable
stands for at least one character, and a slash at the end counts.
Follows https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

ANY_METHOD = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
FUNCTION = re.compile(r"\$\{(\w+)\.Arn\}/invocations")
VARIABLE = re.compile(r"\{(\w+)(\+?)\}")
MOST_ROUTES = 300


class RouteError(Exception):
    """The template has something that API Gateway, or this stand-in, does not know."""


@dataclass(frozen=True)
class Route:
    """One route, and the function that it leads to."""

    method: str
    path: str
    function: str
    """Logical id of the function."""

    @property
    def key(self) -> str:
        """Returns the route's name in events, such as `GET /v2/{proxy+}`."""
        return "$default" if self.path == "$default" else f"{self.method} {self.path}"

    @property
    def rank(self) -> tuple[int, int, int]:
        """Returns what to sort by: the route that API Gateway prefers comes first."""
        greedy = 2 if self.path == "$default" else int("+}" in self.path)
        return (greedy, -len(VARIABLE.sub("", self.path)), int(self.method == "ANY"))

    def variables(self, method: str, path: str) -> dict[str, str] | None:
        """Returns the path's variables if the request takes this route, or `None`."""
        if self.method not in (method, "ANY"):
            return None
        if self.path == "$default":
            return {}
        found = self._pattern().fullmatch(path)
        return found.groupdict() if found else None

    def _pattern(self) -> re.Pattern[str]:
        pattern, end = "", 0
        for variable in VARIABLE.finditer(self.path):
            pattern += re.escape(self.path[end : variable.start()])
            pattern += f"(?P<{variable[1]}>{'.+' if variable[2] else '[^/]+'})"
            end = variable.end()
        return re.compile(pattern + re.escape(self.path[end:]), re.DOTALL)


class Routes:
    """All routes of an API."""

    def __init__(self, routes: list[Route]) -> None:
        """Takes the routes in any order."""
        if len(routes) > MOST_ROUTES:
            raise RouteError(f"{len(routes)} routes, and API Gateway takes {MOST_ROUTES}")
        self.routes = sorted(routes, key=lambda route: route.rank)

    @classmethod
    def of_template(cls, template: dict) -> Routes:
        """Reads the routes of the template's only HTTP API."""
        resources = template["Resources"].values()
        apis = [each for each in resources if each["Type"] == "AWS::ApiGatewayV2::Api"]
        if len(apis) != 1:
            raise RouteError(f"{len(apis)} HTTP APIs, expected one")
        return cls(list(_routes(apis[0]["Properties"]["Body"]["paths"])))

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Returns the route of a request, and its path's variables; `None` if there is none."""
        for route in self.routes:
            variables = route.variables(method, path)
            if variables is not None:
                return route, variables
        return None


def _routes(paths: dict) -> Iterator[Route]:
    for path, methods in paths.items():
        for method, operation in methods.items():
            integration = operation[INTEGRATION]
            if integration["type"] != "aws_proxy" or integration["payloadFormatVersion"] != "2.0":
                raise RouteError(f"{method} {path} is no Lambda proxy of format 2.0")
            found = FUNCTION.search(str(integration["uri"]))
            if not found:
                raise RouteError(f"{method} {path} leads to no function")
            verb = "ANY" if method == ANY_METHOD else method.upper()
            yield Route(verb, path, found[1])

"""The JSON API against its own description: any request that fits it, and many that do not."""

import asyncio
import json
from collections import Counter
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import Any, Self, TypeVar

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import sampled_from
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from structlog.testing import capture_logs

from greenroom.accounts.model import Role
from hostile import hunt
from hostile import town as towns
from house import opened

T = TypeVar("T")

EXAMPLES = hunt.sized(5, 200)
"""Requests for each operation."""


class Standing:
    """A whole application on a loop of its own: Hypothesis calls from outside of any."""

    def __init__(self, url: str, data_dir) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._opening = (url, data_dir)

    def run(self, asked: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(asked)

    def __enter__(self) -> Self:
        self.house = self.run(self._stack.enter_async_context(opened(*self._opening)))
        self.town = self.run(towns.build(self.house))
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._stack.aclose())
        self._runner.close()

    def call(self, case: schemathesis.Case) -> httpx2.Response:
        given = case.as_transport_kwargs(base_url="http://localhost:8000")
        headers = {**given.pop("headers", {}), **self.town.tokens[Role.ADMIN]}
        kept = {_NAMES.get(name, name): each for name, each in given.items() if name in _TAKEN}
        return self.run(self.house.http.request(headers=headers, **kept))


_TAKEN = {"method", "url", "params", "json", "data", "files"}
_NAMES = {"data": "content"}


@pytest.fixture
def standing(database_url, tmp_path):
    with capture_logs(), Standing(database_url, tmp_path) as found:
        yield found


def _asked(standing: Standing, checks: list[Any]) -> Counter[str]:
    """Ask for everything, often for something that is there; count by first digit."""
    schema = schemathesis.openapi.from_dict(standing.house.app.openapi())
    answers: Counter[str] = Counter()

    def check(case: schemathesis.Case, known: Mapping[str, str]) -> None:
        if known:
            case.path_parameters = {name: known[name] for name in case.path_parameters or ()}
        answer = standing.call(case)
        answers[f"{answer.status_code // 100}xx"] += 1
        case.validate_response(answer, checks=checks)

    what = sampled_from([{}, standing.town.known])
    for found in schema.get_all_operations():
        _limits(given(found.ok().as_strategy(), what)(check))()
    return answers


_limits = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_whatever_is_asked_of_the_api_the_answer_is_no_bug_and_as_described(standing):
    answers = _asked(standing, [not_a_server_error, _success_as_described, _refused_in_words])

    assert answers["2xx"] > 20
    assert answers["4xx"] > 20


def _success_as_described(ctx: Any, response: Any, case: schemathesis.Case) -> None:
    if response.status_code < 300:
        status_code_conformance(ctx, response, case)
        content_type_conformance(ctx, response, case)
        response_schema_conformance(ctx, response, case)


def _refused_in_words(ctx: Any, response: Any, case: schemathesis.Case) -> None:
    if response.status_code >= 400:
        assert response.headers["content-type"] == [_PROBLEM]
        said = json.loads(response.content)
        assert said["title"]
        assert said["detail"]
        assert said["status"] == response.status_code


def test_the_description_says_how_requests_are_refused(standing):
    described = {
        f"{method} {path} {status}": list(answer.get("content", {}))
        for path, methods in standing.house.app.openapi()["paths"].items()
        for method, operation in methods.items()
        for status, answer in operation["responses"].items()
        if status >= "400"
    }

    assert described
    assert {each: kinds for each, kinds in described.items() if kinds != [_PROBLEM]} == {}


_PROBLEM = "application/problem+json"

"""What `docs/how-to/monitor.md` says is so: its examples run, its rules name real metrics."""

import re
from datetime import UTC, datetime

import pytest

from greenroom.accounts import actions as accounts
from greenroom.accounts.model import Role
from greenroom.doctor import store
from greenroom.doctor.model import Finding, Light
from greenroom.jobs import AT_ONCE
from greenroom.metrics import facts
from greenroom.metrics.exposition import _Told
from test_docs import DOCS, TESTED, first_cells, needs_tools, running, shell

pytestmark = pytest.mark.anyio

PAGE = (DOCS / "how-to" / "monitor.md").read_text()
YAML = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@needs_tools
async def test_the_examples_for_monitors_work_in_their_order(database_url, tmp_path):
    async with running(database_url) as (origin, greenroom):
        async with greenroom.database.transaction() as tx:
            token = await accounts.create_token(tx, "docs", Role.VIEWER, datetime.now(UTC))
        lines = "\n".join(TESTED.findall(PAGE)).replace("http://localhost:8000", origin)
        up, ready, samples = await shell(
            lines.replace("the-token-that-was-printed", token), tmp_path
        )

    assert (up, ready) == ({"status": "up"}, {"status": "ready"})
    assert samples > 10


async def test_every_metric_is_explained_with_its_labels_and_no_other(house):
    now = datetime.now(UTC)
    await house.deliver(b"{}", signature=None)
    await house.parts.secrets.flush()
    await house.parts.intake.keep(house.connection_id, b"{}", now)
    async with house.parts.database.transaction() as tx:
        await store.keep(tx, {"key": [Finding(light=Light.GREEN, what="Fine.")]}, now)
        await store.beat(tx, "host:1", ["drain"], now)
        await tx.exec_driver_sql("INSERT INTO budgets VALUES (1, 10, now())")
        found = await facts.read(tx, per_minute=60, now=now)
    told = {}
    for family in _Told(found, "1.0").collect():
        assert family.samples, f"{family.name} has no sample here"
        told[family.samples[0].name] = set(family.samples[0].labels)

    explained = {
        name.partition("{")[0]: set(re.findall(r"`(\w+)`", line.split("|")[2]))
        for name, line in first_cells(PAGE).items()
        if name.startswith("greenroom_")
    }
    assert explained == told
    assert {each.queue for each in found.queues} == set(AT_ONCE)


def test_every_rule_and_every_configuration_can_be_read_and_names_what_there_is():
    yaml = pytest.importorskip("yaml", reason="it comes with schemathesis")
    explained = set(first_cells(PAGE))
    rules = [
        rule
        for document in map(yaml.safe_load, YAML)
        for group in document.get("groups", [])
        for rule in group["rules"]
    ]

    assert len(YAML) == 3
    assert len(rules) == 3
    for rule in rules:
        named = set(re.findall(r"greenroom_\w+", rule["expr"]))
        assert named, rule
        assert named <= explained
        assert rule["expr"].count("(") == rule["expr"].count(")")

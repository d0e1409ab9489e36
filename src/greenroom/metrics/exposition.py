"""The facts as Prometheus reads them. Pure but for the library's own registry."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from greenroom.doctor.model import Light
from greenroom.mail.model import State
from greenroom.metrics.facts import Facts

_LEVELS: Mapping[Light, int] = {Light.GREEN: 0, Light.AMBER: 1, Light.RED: 2}
"""OFF has no number: such a check has no sample, and no rule is about it."""
_Samples = Mapping[tuple[str, ...], float]
"""Values by the values of their labels."""
_UNSENT = [each for each in State if each is not State.SENT]


def written(facts: Facts, *, version: str, accept: str) -> tuple[bytes, str]:
    """The text and its content type, in the format that the Accept header asks for."""
    encode: Callable[[CollectorRegistry], bytes]
    encode, content_type = choose_encoder(accept)
    registry = CollectorRegistry()
    registry.register(_Told(facts, version))
    return encode(registry), content_type


class _Told(Collector):
    """What the library asks for metrics: the facts, already known."""

    def __init__(self, facts: Facts, version: str) -> None:
        self._facts = facts
        self._version = version

    def collect(self) -> Iterator[Metric]:
        yield _gauge("build_info", "Which Greenroom this is.", {(self._version,): 1}, ["version"])
        yield from _checks(self._facts)
        yield from _deliveries(self._facts)
        yield from _work(self._facts)
        yield from _calcom(self._facts)
        letters: _Samples = {(each.value,): self._facts.letters.get(each, 0) for each in _UNSENT}
        yield _gauge("letters", "Letters that are not sent, by state.", letters, ["state"])
        size: _Samples = {(): self._facts.database_bytes}
        yield _gauge("database_bytes", "Size of the database.", size)


def _checks(facts: Facts) -> Iterator[Metric]:
    levels: dict[tuple[str, ...], float] = {}
    for looked in facts.checks:
        for each in looked.found:
            finding = each.finding
            if (level := _LEVELS.get(finding.light)) is not None:
                key = (looked.check.id, str(finding.connection_id or ""))
                levels[key] = max(level, levels.get(key, 0))
    about = "What the doctor found: 0 green, 1 amber, 2 red; no sample where it does not apply."
    yield _gauge("check", about, levels, ["check", "connection"])
    last = [each.looked_at for looked in facts.checks for each in looked.found]
    about = "When the doctor last looked at anything."
    yield _gauge("doctor_looked_timestamp_seconds", about, _moment(max(last, default=None)))


def _deliveries(facts: Facts) -> Iterator[Metric]:
    found = facts.deliveries
    states: _Samples = {("new",): found.new, ("failed",): found.failed, ("dead",): found.dead}
    about = "Deliveries by state: new and failed wait to be read, dead are not tried again."
    yield _gauge("deliveries", about, states, ["state"])
    about = "Deliveries of the last 24 hours that could not be understood."
    yield _gauge("deliveries_unread", about, {(): found.unread})
    about = "When the oldest delivery came that was never tried; no sample when none waits."
    yield _gauge("deliveries_waiting_since_timestamp_seconds", about, _moment(found.new_since))
    heard: _Samples = {(str(id_),): at.timestamp() for id_, at in facts.heard.items()}
    about = "When the last delivery of the connection came."
    yield _gauge("last_delivery_timestamp_seconds", about, heard, ["connection"])
    about = "Webhook requests refused because of their signature, by reason."
    refused = CounterMetricFamily("greenroom_refused_requests", about, labels=["reason"])
    for reason, count in sorted(facts.refused.items()):
        refused.add_metric([reason], count)
    yield refused


def _work(facts: Facts) -> Iterator[Metric]:
    jobs: dict[tuple[str, ...], float] = {}
    for each in facts.queues:
        jobs[each.queue, "waiting"] = each.waiting
        jobs[each.queue, "stalled"] = each.stalled
        jobs[each.queue, "failed"] = each.failed
    about = "Jobs by queue: waiting now, held by a dead worker, failed in the last 24 hours."
    yield _gauge("jobs", about, jobs, ["queue", "state"])
    beats: _Samples = {(part,): at.timestamp() for part, at in facts.beats.items()}
    about = "When a part of the background work last gave a sign of life, in any process."
    yield _gauge("heartbeat_timestamp_seconds", about, beats, ["part"])


def _calcom(facts: Facts) -> Iterator[Metric]:
    drift: _Samples = {
        (str(id_), kind.value): count
        for id_, kinds in facts.drift.items()
        for kind, count in kinds.items()
    }
    about = "What asking Cal.com found in the last 24 hours that no delivery had said, or wrongly."
    yield _gauge("drift", about, drift, ["connection", "kind"])
    left: _Samples = {(str(id_),): count for id_, count in facts.left.items()}
    about = "Requests that may go to Cal.com at once."
    yield _gauge("calcom_requests_left", about, left, ["connection"])
    may: _Samples = {(str(id_),): int(each.may_ask) for id_, each in facts.budgets.items()}
    about = "1 where Cal.com may be asked now; 0 while it rests, or when the key is refused."
    yield _gauge("calcom_may_ask", about, may, ["connection"])


def _gauge(name: str, about: str, samples: _Samples, labels: list[str] | None = None) -> Metric:
    family = GaugeMetricFamily(f"greenroom_{name}", about, labels=labels or [])
    for values, number in samples.items():
        family.add_metric(list(values), number)
    return family


def _moment(at: datetime | None) -> _Samples:
    return {} if at is None else {(): at.timestamp()}

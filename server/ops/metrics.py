"""The server's metrics, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from latentwalk.rendering.frame import Frame

NAME = "latentwalk"
MEDIA_TYPE = CONTENT_TYPE_LATEST
QUICK = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # seconds
BATCHES = (1, 2, 4, 8, 16, 32, 64)
Reading = Callable[[], float]


class Metrics:
    """One application's metrics, in a registry of its own so that two applications in a process stay apart."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # memory, open files, processor time
        self.requests = self._counter(
            "http_requests", "Responses, by method, route and status.", "method", "route", "status"
        )
        self.answering = self._times("http_seconds", "Time from a request to its response.", "route")
        self.refusals = self._counter("refusals", "Refused requests, by reason.", "reason")
        self.sockets = self._counter("live_connections", "Live sockets opened.")
        self.edits = self._counter("live_edits", "Edits received on live sockets.")
        self.frames = self._counter("live_frames", "Frames sent, by kind.", "kind")
        self.stages = self._times("frame_seconds", "Time that a frame spends in each stage.", "stage")
        self.batches = Histogram(
            "frame_batch", "Pictures per forward pass.", namespace=NAME, registry=self.registry, buckets=BATCHES
        )

    def frame(self, frame: Frame, *, settled: bool) -> None:
        """Count a sent frame and the time it spent in each stage."""
        self.frames.labels("settled" if settled else "preview").inc()
        self.batches.observe(frame.batch)
        for stage, seconds in (("wait", frame.waited), ("render", frame.rendered), ("encode", frame.encoded)):
            self.stages.labels(stage).observe(seconds)

    def gauge(self, name: str, about: str, reading: Reading) -> None:
        """Add a gauge whose value `reading` returns whenever the metrics are read."""
        Gauge(name, about, namespace=NAME, registry=self.registry).set_function(reading)

    def gauges(self, name: str, about: str, label: str, readings: Mapping[str, Reading]) -> None:
        """Add a gauge with one label and a reading for each of its values."""
        gauge = Gauge(name, about, [label], namespace=NAME, registry=self.registry)
        for value, reading in readings.items():
            gauge.labels(value).set_function(reading)

    def text(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self.registry)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, namespace=NAME, registry=self.registry)

    def _times(self, name: str, about: str, *labels: str) -> Histogram:
        return Histogram(name, about, labels, namespace=NAME, registry=self.registry, buckets=QUICK)

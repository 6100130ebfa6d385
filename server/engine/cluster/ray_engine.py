"""Ray: it starts workers on the machines of a cluster, carries questions to them, and starts those anew that die."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import secrets
from typing import Any, cast

from latentwalk.errors import Invalid
from latentwalk.rendering.device import physical_cores
from server.engine.cluster.backend import ClusterBackend
from server.engine.cluster.worker_pool import WorkerLost, WorkerPool
from server.engine.cluster.workers import LearningWorker, RenderWorker
from server.settings import Settings

HERE = "local"
OPTIONS = {
    "RAY_AUTH_MODE": "token",  # whoever reaches an open cluster can run what they like on it
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # people wait for those who draw; those who learn are nice by themselves
}
ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # on Linux too, this has Ray listen on the loopback address alone
LEISURE = 15.0  # seconds without a sign of life: those who learn come after those who draw, and nobody waits for them


class Actor:
    """A worker that Ray runs."""

    def __init__(self, ray: Any, made: Any) -> None:
        self._ray, self._made = ray, made

    async def call(self, method: str, *given: Any) -> Any:
        errors = self._ray.exceptions
        try:
            return await getattr(self._made, method).remote(*given)
        except errors.RayTaskError as error:
            raise error.cause from None  # the worker is well: this is what it said
        except errors.RayError as error:
            raise WorkerLost(f"{type(error).__name__}: {error}") from None

    def restart(self) -> None:
        self._ray.kill(self._made, no_restart=False)


class RayEngine:
    """A connection to a cluster, or one of our own that ends with it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ray: Any = None

    async def open(self) -> ClusterBackend:
        """Connect and have the workers started; the cluster may be used at once, and waits for the first of them."""
        # In a thread: there Ray leaves our signals alone.
        try:
            drawers, learners = await asyncio.to_thread(self._connect)
        except Invalid as error:
            error.add_note(error.hint)  # for the log, which has the reason of a failed start from the error's own words
            raise
        room = self._settings.generators_kept
        cluster = ClusterBackend(
            WorkerPool(drawers, room=room, kind="drawer"),
            WorkerPool(learners, room=room, kind="learner", silence=LEISURE),
            max_batch=self._settings.max_batch,
        )
        cluster.start()
        return cluster

    async def close(self) -> None:
        """Disconnect; the workers end, and a cluster of our own with them."""
        if self._ray is not None:
            await asyncio.to_thread(self._ray.shutdown)

    def _connect(self) -> tuple[list[Actor], list[Actor]]:
        chosen = self._settings
        options = OPTIONS | ({**ALONE, "RAY_AUTH_TOKEN": secrets.token_hex(32)} if chosen.ray == HERE else {})
        for name, value in options.items():
            os.environ.setdefault(name, value)
        try:
            import ray
        except ImportError:
            raise Invalid("Ray is not installed.", "Run: pip install 'latentwalk[ray]'") from None
        self._ray = engine = cast(Any, ray)
        count = chosen.workers + chosen.learners
        own: dict[str, Any] = {"num_cpus": count, "include_dashboard": False} if chosen.ray == HERE else {}
        try:
            engine.init(address=chosen.ray, namespace="latentwalk", logging_level=logging.ERROR, **own)
        except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            reason = str(error).strip().split("\n", 1)[0].rstrip(".")
            hint = "Check LATENTWALK_RAY and RAY_AUTH_TOKEN; “local” starts a cluster on this machine."
            raise Invalid(f"The Ray cluster at {chosen.ray} cannot be reached: {reason}.", hint) from None
        processors = [int(node["Resources"].get("CPU", 0)) for node in engine.nodes() if node["Alive"]]
        machines = [count for count in processors if count] or [1]
        on_one = math.ceil(chosen.workers / len(machines))
        threads = max(1, (physical_cores() if own else min(machines)) // on_one)
        graphics = min(1.0, math.floor(100 * engine.cluster_resources().get("GPU", 0) / count) / 100)
        given = chosen.model_copy(update={"token": None, "host": "127.0.0.1"})

        def start(worker: type, number: int) -> list[Actor]:
            made = engine.remote(worker).options(
                num_cpus=1, num_gpus=graphics, max_restarts=-1, max_task_retries=0, scheduling_strategy="SPREAD"
            )
            return [Actor(engine, made.remote(given, threads)) for _ in range(number)]

        return start(RenderWorker, chosen.workers), start(LearningWorker, chosen.learners)

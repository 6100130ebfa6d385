"""Ray: starts workers on the machines of a cluster, carries calls to them, and restarts those that die."""

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
from server.engine.cluster.workers import LearningWorker, MakeTaskBuilder, RenderWorker
from server.settings import Settings

LOCAL = "local"
ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",  # anyone who can reach a cluster without a token can run arbitrary code on it
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # users wait for render workers; learning workers set their own niceness
}
LOCAL_ENVIRONMENT = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # on Linux too, Ray then listens on loopback only
LEARNING_PING_TIMEOUT = 15.0  # seconds: learning workers are slow to answer at low priority, and no user waits for them


class RayWorker:
    """The handle of a worker that runs as a Ray actor."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray, self._actor = ray, actor

    async def call(self, method: str, *arguments: Any) -> Any:
        """The result of a method of the worker. Raises what the method raises, or WorkerLost."""
        errors = self._ray.exceptions
        try:
            return await getattr(self._actor, method).remote(*arguments)
        except errors.RayTaskError as error:
            raise error.cause from None  # raised by the method itself; the worker is alive
        except errors.RayError as error:
            raise WorkerLost(f"{type(error).__name__}: {error}") from None

    def restart(self) -> None:
        """Kill the actor; Ray starts it again."""
        self._ray.kill(self._actor, no_restart=False)


class RayEngine:
    """A connection to an existing cluster, or a local cluster that ends with this process."""

    def __init__(self, settings: Settings, make_task_builder: MakeTaskBuilder) -> None:
        self._settings, self._make_task_builder = settings, make_task_builder
        self._ray: Any = None

    async def open(self) -> ClusterBackend:
        """Connect and start the workers. The backend can be used at once and waits for the first worker.

        Invalid if Ray is not installed or the cluster cannot be reached.
        """
        # In a thread, where Ray does not install signal handlers.
        try:
            render_workers, learning_workers = await asyncio.to_thread(self._connect)
        except Invalid as error:
            error.add_note(error.hint)  # the log of a failed start shows notes, but not hints
            raise
        capacity = self._settings.generators_kept
        cluster = ClusterBackend(
            WorkerPool(render_workers, capacity=capacity, kind="render worker"),
            WorkerPool(learning_workers, capacity=capacity, kind="learning worker", ping_timeout=LEARNING_PING_TIMEOUT),
            max_batch=self._settings.max_batch,
        )
        cluster.start()
        return cluster

    async def close(self) -> None:
        """Disconnect, which ends the workers and a local cluster."""
        if self._ray is not None:
            await asyncio.to_thread(self._ray.shutdown)

    def _connect(self) -> tuple[list[RayWorker], list[RayWorker]]:
        settings = self._settings
        is_local = settings.ray == LOCAL
        local = {**LOCAL_ENVIRONMENT, "RAY_AUTH_TOKEN": secrets.token_hex(32)} if is_local else {}
        for name, value in (ENVIRONMENT | local).items():
            os.environ.setdefault(name, value)
        try:
            import ray
        except ImportError:
            raise Invalid("Ray is not installed.", "Run: pip install 'latentwalk[ray]'") from None
        self._ray = engine = cast(Any, ray)
        count = settings.workers + settings.learners
        options: dict[str, Any] = {"num_cpus": count, "include_dashboard": False} if is_local else {}
        try:
            engine.init(address=settings.ray, namespace="latentwalk", logging_level=logging.ERROR, **options)
        except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            reason = str(error).strip().split("\n", 1)[0].rstrip(".")
            hint = "Check LATENTWALK_RAY and RAY_AUTH_TOKEN; “local” starts a cluster on this machine."
            raise Invalid(f"The Ray cluster at {settings.ray} cannot be reached: {reason}.", hint) from None
        cpus = [int(node["Resources"].get("CPU", 0)) for node in engine.nodes() if node["Alive"]]
        machines = [cores for cores in cpus if cores] or [1]
        workers_per_machine = math.ceil(settings.workers / len(machines))
        threads = max(1, (physical_cores() if is_local else min(machines)) // workers_per_machine)
        gpu_share = min(1.0, math.floor(100 * engine.cluster_resources().get("GPU", 0) / count) / 100)
        worker_settings = settings.model_copy(update={"token": None, "host": "127.0.0.1"})

        def start(worker: type, number: int, *arguments: Any) -> list[RayWorker]:
            actor_class = engine.remote(worker).options(
                num_cpus=1, num_gpus=gpu_share, max_restarts=-1, max_task_retries=0, scheduling_strategy="SPREAD"
            )
            return [RayWorker(engine, actor_class.remote(worker_settings, threads, *arguments)) for _ in range(number)]

        learning_workers = start(LearningWorker, settings.learners, self._make_task_builder)
        return start(RenderWorker, settings.workers), learning_workers

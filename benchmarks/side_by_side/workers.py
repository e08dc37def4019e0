"""A process for every system, so that their threads never meet; they are asked one at a time."""

import importlib
import multiprocessing
import traceback
from multiprocessing.connection import Connection
from typing import Any

from side_by_side.machine import own_seconds, restrict_to_threads


class Worker:
    """A process that makes an object and calls its methods.

    Args:
        factory: "module:Class" of what the process makes.
        arguments: What it is made with.
    """

    def __init__(self, factory: str, *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, factory, arguments), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method and return its result."""
        return self.ask_timed(method, *arguments, **options)[0]

    def ask_timed(self, method: str, *arguments: Any, **options: Any) -> tuple[Any, float]:
        """Call a method and return its result and the CPU seconds that the process used for it."""
        self._connection.send((method, arguments, options))
        failure, result, seconds = self._connection.recv()
        if failure:
            raise RuntimeError(f"{method} failed in a worker:\n{failure}")
        return result, seconds

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.terminate()


def _serve(connection: Connection, factory: str, arguments: tuple[Any, ...]) -> None:
    restrict_to_threads()
    module, _, name = factory.partition(":")
    system: Any = None
    while True:
        try:
            method, given, options = connection.recv()
        except EOFError:
            return
        began = own_seconds()
        try:
            if system is None:
                system = getattr(importlib.import_module(module), name)(*arguments)
            result, failure = getattr(system, method)(*given, **options), ""
        except Exception:  # noqa: BLE001 - whatever it is, the asking process says it
            result, failure = None, traceback.format_exc()
        connection.send((failure, result, own_seconds() - began))

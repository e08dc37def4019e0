"""A process for every system, so that their threads never meet; they are asked one at a time.

A worker runs this file: it may be of another Python than the program that asks it.
"""

import importlib
import subprocess
import sys
import traceback
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])

from side_by_side.machine import own_seconds, restrict_to_threads


class Worker:
    """A process that makes an object and calls its methods.

    Args:
        factory: "module:Class" of what the process makes.
        arguments: What it is made with.
        python: The interpreter that the process runs, e.g. another environment's.
    """

    def __init__(self, factory: str, *arguments: Any, python: Path | str = sys.executable) -> None:
        self._connection, theirs = Pipe()
        handle = theirs.fileno()
        self._process = subprocess.Popen([str(python), __file__, str(handle)], pass_fds=[handle])
        theirs.close()
        self._connection.send((factory, arguments))

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
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.terminate()


def _serve(connection: Connection) -> None:
    restrict_to_threads()
    factory, arguments = connection.recv()
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


if __name__ == "__main__":
    _serve(Connection(int(sys.argv[1])))

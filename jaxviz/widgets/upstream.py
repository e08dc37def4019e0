"""Upstream: what some kernels do wrong that an explorer meets, mended while it lives there."""

from typing import Any


def let_replies_wake_the_kernel() -> None:
    """Let the replies of this kernel, if there is one, go through the stream that reads its requests; once is enough.

    ipykernel 7.0 to 7.3 sends replies on the socket of that stream, past it. ZeroMQ tells of new messages only once, so
    a request that arrives while a reply is being sent is not noticed, nor is what follows it on the same connection: a
    page that was loaded again stands at "Loading widget..." before an idle kernel, until yet another page connects.
    7.4 sends through the stream (github.com/ipython/ipykernel/pull/1529) and is left alone, as is ipykernel 6.
    """
    from IPython.core.getipython import get_ipython

    kernel: Any = getattr(get_ipython(), "kernel", None)  # pyright: ignore[reportUnknownArgumentType]
    manager: Any = getattr(getattr(kernel, "shell_channel_thread", None), "manager", None)
    if hasattr(manager, "_shell_socket"):
        manager._shell_socket = kernel.shell_stream

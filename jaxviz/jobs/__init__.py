"""Jobs: work that goes on in the background, a slice at a time, and can be paused, stopped and waited for.

A thread never keeps alive what it works for: where the work is a method, its object is held weakly, and the
thread ends with it. At the interpreter's exit the slices under way are waited for, because a daemon thread that
is cut off inside a compiled function takes the process down with it.
"""

from jaxviz.jobs.courier import Courier
from jaxviz.jobs.job import Job, JobPhase
from jaxviz.jobs.turnstile import DEVICE, Turnstile
from jaxviz.jobs.worker import Worker

__all__ = ["DEVICE", "Courier", "Job", "JobPhase", "Turnstile", "Worker"]

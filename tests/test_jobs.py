"""Jobs run in slices, the latest request wins, several share the device, and no thread outlives its object."""

import contextvars
import gc
import subprocess
import sys
import threading
import time
import weakref

import pytest

from jaxviz.jobs import Courier, Job, Turnstile


@pytest.fixture(autouse=True)
def no_thread_left():
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
    assert set(threading.enumerate()) - before == set()


class Work:
    """Something to do in slices, which a test can hold up."""

    def __init__(self, slices=3, gated=False):
        self.left = slices
        self.done = 0
        self.gate = threading.Semaphore(0) if gated else None
        self.entered = threading.Event()

    def slice(self):
        self.entered.set()
        if self.gate is not None:
            self.gate.acquire()
        self.done += 1
        self.left -= 1
        return self.left > 0


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.001)


def test_a_job_runs_to_its_end():
    work = Work(3)
    job = Job(work.slice)
    assert job.phase == "idle"
    job.start()
    assert job.wait(10)
    assert (job.phase, work.done) == ("done", 3)
    job.close()


def test_waiting_ends_at_the_timeout():
    work = Work(3, gated=True)
    job = Job(work.slice)
    job.start()
    assert job.wait(0.02) is False
    job.close()
    work.gate.release(3)


def test_pause_lets_the_slice_end_and_resume_goes_on():
    work = Work(3, gated=True)
    job = Job(work.slice)
    job.start()
    assert work.entered.wait(10)
    job.pause()
    assert job.wait(10)
    work.gate.release(10)
    until(lambda: work.done == 1)
    time.sleep(0.02)
    assert (job.phase, work.done) == ("paused", 1)
    job.resume()
    assert job.wait(10)
    assert (job.phase, work.done) == ("done", 3)
    job.close()


def test_resume_does_not_start_what_was_stopped():
    work = Work(3)
    job = Job(work.slice)
    job.stop()
    job.resume()
    job.pause()
    assert job.phase == "stopped"
    job.close()


def test_a_stop_is_not_lost_to_a_look_for_work_at_the_same_time():
    job = Job(lambda: True)
    over = threading.Event()

    def look_again():
        while not over.is_set():
            job.again("running", "done")

    watcher = threading.Thread(target=look_again)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        watcher.start()
        for _ in range(500):
            job.start()
            job.stop()
            time.sleep(1e-4)
            assert job.phase == "stopped"
    finally:
        over.set()
        sys.setswitchinterval(interval)
        watcher.join()
        job.close()
    job.again("stopped")
    assert job.phase == "stopped", "it is closed"


def test_looking_again_starts_what_is_in_one_of_the_phases_only():
    job = Job(lambda: False)
    job.again("done")
    assert job.phase == "idle"
    job.start()
    assert job.wait(10)
    job.again("stopped", "done")
    assert job.wait(10)
    assert job.phase == "done"
    job.close()


def test_the_latest_request_wins():
    work = Work(1000)
    job = Job(work.slice)
    for _ in range(50):
        job.start()
        job.pause()
        job.resume()
        job.stop()
    assert job.phase == "stopped"
    done = work.done
    time.sleep(0.02)
    assert work.done <= done + 1
    job.close()


def test_work_that_comes_during_the_last_slice_is_not_missed():
    work = Work(1, gated=True)
    job = Job(work.slice)
    job.start()
    assert work.entered.wait(10)
    job.start()  # the slice under way will say that there is nothing more
    work.gate.release(10)
    assert job.wait(10)
    assert work.done == 2
    job.close()


def test_an_error_is_kept_and_a_new_start_forgets_it():
    class Broken:
        def __init__(self):
            self.calls = 0

        def slice(self):
            self.calls += 1
            if self.calls == 1:
                raise ZeroDivisionError("no")
            return False

    broken = Broken()
    job = Job(broken.slice)
    job.start()
    assert job.wait(10)
    assert job.phase == "failed"
    assert isinstance(job.error, ZeroDivisionError)
    job.start()
    assert job.wait(10)
    assert (job.phase, job.error) == ("done", None)
    job.close()


def test_a_start_that_comes_during_a_slice_that_fails_is_not_missed():
    entered, gate, made = threading.Event(), threading.Event(), []

    def work():
        made.append(None)
        if len(made) == 1:
            entered.set()
            gate.wait(10)
            raise ValueError("the first time only")
        return False

    job = Job(work)
    job.start()
    assert entered.wait(10)
    job.start()
    gate.set()
    assert job.wait(10)
    assert (job.phase, job.error, len(made)) == ("done", None, 2)
    job.close()


@pytest.mark.parametrize("command", ["pause", "stop"])
def test_what_comes_too_late_does_not_change_how_it_ended(command):
    """The job ends while the command waits for the lock: it must look at the phase again."""
    work = Work(1, gated=True)
    job = Job(work.slice)
    job.start()
    assert work.entered.wait(10)
    with job._changed:
        late = threading.Thread(target=getattr(job, command))
        late.start()
        time.sleep(0.05)  # it has come as far as the lock
        job.phase = "done"
    late.join(10)
    assert job.phase == "done"
    work.gate.release()
    job.close()


def test_what_is_told_after_a_slice_knows_the_phase():
    phases = []
    work = Work(2)
    job = Job(work.slice, after=lambda: phases.append(job.phase))
    job.start()
    job.wait(10)
    until(lambda: len(phases) == 2)
    assert phases == ["running", "done"]
    job.close()


@pytest.mark.parametrize("started", [False, True])
def test_what_is_to_be_finished_is_finished_once_and_not_during_a_slice(started):
    finished = []
    work = Work(10, gated=True)
    job = Job(work.slice, finish=lambda: finished.append(work.done))
    if started:
        job.start()
        assert work.entered.wait(10)
    job.close()
    job.close()
    assert finished == ([] if started else [0])
    work.gate.release(10)
    job.join(10)
    assert finished == ([1] if started else [0])


def test_a_job_does_not_keep_its_object_alive():
    work = Work(10**9)
    reference = weakref.ref(work)
    job = Job(work.slice)
    job.start()
    assert work.entered.wait(10)
    del work
    until(lambda: gc.collect() is not None and reference() is None)
    assert job.join(10)
    assert job.closed


def test_a_paused_job_ends_with_its_object_too():
    work = Work(10**9)
    job = Job(work.slice)
    job.start()
    job.pause()
    del work
    until(lambda: gc.collect() is not None and job.closed)
    assert job.join(10)


def test_a_job_can_be_closed_from_its_own_thread():
    class Suicidal:
        def slice(self):
            self.job.close()
            return True

    work = Suicidal()
    work.job = job = Job(work.slice)
    job.start()
    assert job.wait(10)
    until(lambda: job.join(0.1))


def test_the_thread_runs_in_the_context_of_whoever_made_the_job():
    variable = contextvars.ContextVar("variable", default="other")
    seen = []
    variable.set("maker")

    class Look:
        def slice(self):
            seen.append(variable.get())
            return False

    look = Look()
    job = Job(look.slice)
    contextvars.Context().run(job.start)
    job.wait(10)
    assert seen == ["maker"]
    job.close()


def test_jobs_take_turns_in_the_order_in_which_they_came():
    turnstile, order = Turnstile(), []

    class Named:
        def __init__(self, name):
            self.name, self.left = name, 20

        def slice(self):
            order.append(self.name)
            time.sleep(0.001)
            self.left -= 1
            return self.left > 0

    works = [Named(name) for name in "abc"]
    jobs = [Job(work.slice, turnstile=turnstile) for work in works]
    with turnstile.passage(lambda: True):  # until all three wait
        for job in jobs:
            job.start()
        until(lambda: len(turnstile._queue) == 4)
    for job in jobs:
        assert job.wait(10)
        job.close()
    for position in range(3, 57, 3):
        assert set(order[position : position + 3]) == set("abc")


def test_who_waits_before_the_turnstile_can_still_be_stopped():
    turnstile, work = Turnstile(), Work(3)
    job = Job(work.slice, turnstile=turnstile)
    with turnstile.passage(lambda: True):
        job.start()
        until(lambda: len(turnstile._queue) == 2)
        job.stop()
        until(lambda: len(turnstile._queue) == 1)
    assert work.done == 0
    job.close()


def test_only_one_is_let_through_whatever_threads_do():
    turnstile, inside, most = Turnstile(), 0, 0
    lock = threading.Lock()

    class Busy:
        left = 30

        def slice(self):
            nonlocal inside, most
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.0005)
            with lock:
                inside -= 1
            self.left -= 1
            return self.left > 0

    works = [Busy() for _ in range(6)]
    jobs = [Job(work.slice, turnstile=turnstile) for work in works]
    for job in jobs:
        job.start()
    for _ in range(30):
        jobs[0].pause()
        jobs[1].stop()
        jobs[0].resume()
        jobs[1].start()
    for job in jobs:
        assert job.wait(20)
        job.close()
    assert most == 1
    assert len(turnstile._queue) == 0


class Mail:
    def __init__(self, answer=None):
        self.times, self.answer = [], answer

    def deliver(self):
        self.times.append(time.monotonic())
        return self.answer


def test_a_courier_comes_at_its_rate_and_always_for_the_last_news():
    mail = Mail()
    courier = Courier(mail.deliver, least_seconds=0.02)
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        courier.notify()
    last = time.monotonic()
    until(lambda: mail.times[-1] >= last - 0.001)
    gaps = [after - before for before, after in zip(mail.times, mail.times[1:], strict=False)]
    assert min(gaps) > 0.019
    assert 5 < len(mail.times) <= 17
    courier.close()


def test_a_courier_comes_again_when_it_was_asked_to():
    mail = Mail(answer=0.01)
    courier = Courier(mail.deliver, least_seconds=0)
    courier.notify()
    until(lambda: len(mail.times) > 3)
    courier.close()


def test_a_courier_ends_with_its_object():
    mail = Mail()
    courier = Courier(mail.deliver)
    courier.notify()
    until(mail.times.__len__)
    del mail
    until(lambda: gc.collect() is not None and courier.closed)
    assert courier.join(10)


def test_the_interpreter_ends_at_once_and_lets_the_slice_end():
    program = """
import time
from jaxviz.jobs import Job

class Work:
    def slice(self):
        time.sleep(0.3)
        print("slice", flush=True)
        return True

work = Work()
job = Job(work.slice, finish=lambda: print("finished", flush=True))
job.start()
time.sleep(0.1)
"""
    began = time.monotonic()
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert result.stdout.split() == ["slice", "finished"]
    assert result.stderr == ""
    assert time.monotonic() - began < 10

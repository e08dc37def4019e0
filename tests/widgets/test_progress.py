"""RenderProgress shows any iterator of snapshots, and stopping it closes the iterator in the end."""

import threading

import numpy as np
import pytest
import traitlets
from fake_browser import Browser

from jaxviz.results import read_recipe
from jaxviz.widgets import RenderProgress
from records import make_snapshot


class Snapshots:
    """Two units that climb eight steps, two a snapshot, or as many more in as many snapshots."""

    def __init__(self, gated=False, stride=2):
        self.stride = stride
        self.gate = threading.Semaphore(0) if gated else None
        self.step = -stride
        self.closed = False

    def __iter__(self):
        return self

    def __next__(self):
        if self.gate is not None:
            self.gate.acquire()
        if self.step >= 4 * self.stride or self.closed:
            raise StopIteration
        self.step += self.stride
        return make_snapshot(
            step=self.step,
            steps=[self.step] * 2,
            images=np.full((2, 5, 7, 3), self.step * 40 // self.stride, np.uint8),
            scores=[np.nan if self.step == 0 else self.step / 2.0] * 2,
            states=["done" if self.step == 4 * self.stride else "climbing"] * 2,
            steps_per_second=0.0 if self.step == 0 else 8.0,
            seconds_left=0.0 if self.step == 0 else 2 * (4 * self.stride - self.step) / 8.0,
        )

    def close(self):
        self.closed = True


def test_settings_cannot_be_changed_since_the_pictures_climb_elsewhere(no_thread_left):
    progress = RenderProgress(Snapshots())
    assert progress.wait(10)
    before = progress.settings
    assert before["steps"] == 8
    for changes in ({"noise": 0.3}, {"steps": 5}, {"preset": "strong"}):
        with pytest.raises(traitlets.TraitError, match="give settings to"):
            progress.settings = changes
    assert progress.settings == before
    progress.settings = before
    progress.close()


def test_it_shows_the_pictures_to_the_end(no_thread_left):
    snapshots = Snapshots()
    progress = RenderProgress(snapshots)
    browser = Browser(progress)
    browser.open()
    assert progress.wait(10)
    browser.send("visible", units=[0, 1])
    assert (progress.kind, progress.states, progress.units) == ("progress", "dd", [0, 1])
    assert (progress.status["finished"], progress.status["total"]) == (2, 2)
    assert progress.status["image_steps"] == progress.status["total_image_steps"] == 16
    assert progress.snapshot.step == 8
    browser.until(lambda seen: {tile["step"] for tile, _ in seen.tiles.values()} == {8})
    tile, pixels = browser.tiles["pictures", progress.status["generation"], 1, 1]
    assert tile["score"] == 2.5  # the mean of 1, 2, 3 and 4
    assert np.abs(pixels.astype(int) - 160).max() < 5
    progress.close()
    progress._session.job.join(10)
    assert snapshots.closed


def test_it_invents_no_python_and_no_recipe_for_what_it_does_not_know(no_thread_left, tmp_path):
    progress = RenderProgress(Snapshots())
    browser = Browser(progress)
    browser.open()
    assert progress.wait(10)
    assert progress.code == {"unit": "", "grid": ""}
    browser.send("file", what="grid")
    browser.until(lambda seen: seen.files)
    assert browser.state["code"] == {"unit": "", "grid": ""}
    (tmp_path / "grid.png").write_bytes(browser.files[0][1])
    with pytest.raises(ValueError, match="carries no recipe"):
        read_recipe(tmp_path / "grid.png")
    progress.close()


@pytest.mark.parametrize("steps", [5_000, 400_000])
def test_a_climb_of_any_length_is_shown_to_the_end(no_thread_left, steps):
    progress = RenderProgress(Snapshots(stride=steps // 4))
    assert progress.wait(10)
    assert (progress.states, progress.error, progress.snapshot.step) == ("dd", "", steps)
    assert progress.status["image_steps"] == progress.status["total_image_steps"]
    progress.close()


def test_stop_is_heard_between_snapshots(no_thread_left):
    snapshots = Snapshots(gated=True)
    progress = RenderProgress(snapshots)
    browser = Browser(progress)
    browser.open()
    assert progress.snapshot is None
    assert progress.status["phase"] == "preparing" or progress.status["phase"] == "climbing"
    snapshots.gate.release(2)
    browser.until(lambda _: progress.snapshot is not None and progress.snapshot.step == 2)
    browser.send("command", command="stop")
    assert progress.wait(10)
    assert progress.status["phase"] == "stopped"
    snapshots.gate.release(100)
    browser.until(lambda seen: seen.state["states"] == "ss")
    progress.start()
    assert progress.wait(10)
    assert progress.states == "dd"
    progress.close()


def test_an_error_of_the_climb_is_said(no_thread_left):
    def broken():
        yield make_snapshot()
        raise MemoryError("of the device")

    progress = RenderProgress(broken())
    with pytest.raises(RuntimeError, match="MemoryError: of the device"):
        progress.wait(10)
    assert progress.error == "MemoryError: of the device"
    assert progress.states == "ww"
    progress.close()


def test_what_is_no_iterator_or_an_unknown_argument_is_refused():
    with pytest.raises(TypeError, match="is no iterator of snapshots"):
        RenderProgress([make_snapshot()])
    with pytest.raises(TypeError, match="has no argument 'steps'"):
        RenderProgress(iter([make_snapshot()]), steps=3)

"""The code that is copied has the steps that the pictures have made, where fewer are asked for by now."""

import threading

import pytest
from fake_climb import DEAD, DIVERGED, FakeClimb


class EnteredClimb(FakeClimb):
    """A gated climb that counts the slices that were begun."""

    def __init__(self):
        super().__init__(gated=True)
        self.entered = threading.Semaphore(0)

    def advance(self):
        self.entered.release()
        return super().advance()


def steps_of(code):
    compile(f"rendering = {code}", "code", "exec")
    return int(code.split("steps=")[1].split(",")[0])


def says_that_it_makes_others(code):
    return "have made more steps, up to 8" in code


@pytest.mark.smoke
def test_fewer_steps_leave_the_code_as_it_was_and_more_change_it(open_widget):
    explorer = open_widget("block")  # one of whose units is dead, and one diverges
    explorer.wait(10)
    assert {explorer.states[DEAD], explorer.states[DIVERGED]} == {"x", "v"}
    for asked, written in ((4, 8), (6, 8), (12, 12)):
        explorer.settings = {"steps": asked}
        assert [steps_of(code) for code in explorer.code.values()] == [written] * 2
        assert not says_that_it_makes_others(explorer.code["grid"])
    explorer.wait(10)
    assert [steps_of(code) for code in explorer.code.values()] == [12] * 2


def test_a_grid_of_different_steps_says_that_its_code_makes_other_pictures(open_widget):
    explorer = open_widget("block", units=[0, 1])
    explorer.wait(10)
    explorer.settings = {"steps": 4}
    explorer.units = [0, 1, 2]
    explorer.wait(10)
    assert steps_of(explorer.code["grid"]) == 4
    assert says_that_it_makes_others(explorer.code["grid"])
    assert steps_of(explorer.code["unit"]) == 8
    assert not says_that_it_makes_others(explorer.code["unit"])
    explorer.unit = 2
    assert steps_of(explorer.code["unit"]) == 4
    explorer.units = [0, 1]
    assert steps_of(explorer.code["grid"]) == 8
    explorer.restart()
    explorer.wait(10)
    assert [steps_of(code) for code in explorer.code.values()] == [4] * 2
    assert not says_that_it_makes_others(explorer.code["grid"])


def test_the_code_is_told_again_when_a_slice_was_under_way_as_fewer_steps_were_asked_for(open_widget):
    climb = EnteredClimb()
    explorer = open_widget("first", climb=climb, units=[0, 1])
    climb.gate.release(3)  # they begin, and make two slices of two steps
    for _ in range(4):
        climb.entered.acquire(timeout=10)
    explorer.settings = {"steps": 4}
    assert steps_of(explorer.code["grid"]) == 4
    climb.gate.release(10)
    assert explorer.wait(10)
    assert len(explorer.curve(1)[0]) == 6
    assert [steps_of(code) for code in explorer.code.values()] == [6] * 2

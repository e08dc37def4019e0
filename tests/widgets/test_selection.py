"""The selection is of units in the grid, whoever sets it, and whatever else is set at once."""

import itertools

import pytest
import traitlets
from fake_browser import Browser

from jaxviz.widgets import LayerGrid


@pytest.mark.smoke
def test_units_that_are_not_in_the_grid_are_refused_and_those_that_are_named(open_widget):
    explorer = open_widget("block", units=[3, 1])
    with pytest.raises(traitlets.TraitError, match="The selection has 4, but may only have units of the grid: 3, 1"):
        explorer.selection = [1, 4]
    assert explorer.selection == []
    explorer.selection = [1]
    explorer.units = None
    with pytest.raises(traitlets.TraitError, match="out of range"):
        explorer.selection = [12]
    explorer.selection = [4, 1]
    assert explorer.selection == [4, 1]


def test_other_units_keep_of_the_selection_what_is_still_in_the_grid(open_widget):
    explorer = open_widget("block", units=[0, 1, 2])
    explorer.selection = [2, 0]
    explorer.units = [5, 2]
    assert explorer.selection == [2]
    explorer.wait(10)
    assert explorer.rendering.labels == ("block/conv:2",)
    explorer.units = [7]
    assert explorer.selection == []


def test_two_widgets_of_one_climb_have_one_selection(open_widget):
    explorer = open_widget("block")
    explorer.selection = [1, 4]
    grid = LayerGrid(explorer, units=[4, 5])
    assert explorer.selection == grid.selection == [4]
    with pytest.raises(traitlets.TraitError, match="units of the grid: 4, 5"):
        grid.selection = [1]
    grid.close()


NEW = {"layer": "first", "units": [2, 3], "selection": [3]}


@pytest.mark.parametrize("names", [*itertools.permutations(["units", "selection"]), *itertools.permutations(NEW)])
def test_the_browser_may_set_units_and_selection_at_once_in_any_order(open_widget, names):
    explorer = open_widget("first", units=[0, 1]) if len(names) == 2 else open_widget("block", units=[7, 8])
    explorer.selection = explorer.units
    browser = Browser(explorer)
    browser.open()
    browser.send("set", changes={name: NEW[name] for name in names})
    assert explorer.error == ""
    assert (explorer.layer, explorer.units, explorer.selection) == ("first", [2, 3], [3])


@pytest.mark.parametrize("names", [("units", "selection"), ("selection", "units"), ("layer", "units", "selection")])
def test_python_may_set_them_at_once(open_widget, names):
    explorer = open_widget("first", units=[0, 1]) if len(names) == 2 else open_widget("block", units=[7, 8])
    explorer.selection = explorer.units
    with explorer.hold_trait_notifications():
        for name in names:
            setattr(explorer, name, NEW[name])
    assert (explorer.layer, explorer.units, explorer.selection) == ("first", [2, 3], [3])
    assert explorer._session.choice.selection == (3,)


def test_what_the_browser_selects_of_units_that_left_the_grid_is_refused_in_one_line(open_widget):
    explorer = open_widget("first", units=[0, 1])
    browser = Browser(explorer)
    browser.open()
    browser.send("set", changes={"selection": [0, 3]})
    assert "may only have units of the grid: 0, 1" in explorer.error
    assert explorer.selection == []

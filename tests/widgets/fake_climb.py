"""A climb with known answers in place of the engine: tiny pictures, scores and states that a test can foretell."""

import threading
import time

import numpy as np

from jaxviz.results import Update
from jaxviz.widgets.delivery import serve
from jaxviz.widgets.facts import Facts, LayerFacts
from jaxviz.widgets.opening import first_choice
from jaxviz.widgets.session import Session
from records import MARKUP, make_recipe, make_rendering

DEAD, DIVERGED = 7, 8
UNTRACEABLE_SIZE = 400
STEPS_A_SLICE = 2


def layer_facts(name, units, shape, kind="conv", classes=""):
    return LayerFacts(
        name=name,
        kind=kind,
        shape=[*shape, units],
        units=units,
        parameters=10,
        flops=100,
        receptive_field=[3, 3],
        classes=classes,
    )


def make_facts():
    return Facts(
        name="Tiny",
        input_shape=(16, 16, 3),
        layers=[
            layer_facts("first", 4, (8, 8)),
            layer_facts("block/conv", 12, (8, 8)),
            layer_facts(MARKUP, 20, (4, 4)),
            layer_facts("head", 3, (), "dense", classes="head"),
        ],
        class_names={"head": ("ant", "bee, bumblebee", "school bus")},
        aliases={"block": "block/conv"},
    )


def score(unit, sign, step):
    return sign * (unit + step / 100)


def shown_score(unit, sign, step):
    """The mean over the last sixteen steps."""
    return score(unit, sign, (step + max(0, step - 15)) / 2)


def picture(unit, sign, step, size):
    colour = (unit * 12 % 256, step % 256, 200 if sign > 0 else 40)
    return np.full((size, size, 3), colour, np.uint8)


class FakeClimb:
    """A `LiveClimb` of four lanes, in which unit 7 is dead and unit 8 diverges.

    Args:
        slice_seconds: How long a slice takes.
        gated: Whether each slice waits until a test allows it.
    """

    def __init__(self, slice_seconds=0.0, gated=False):
        self.slice_seconds = slice_seconds
        self.gate = threading.Semaphore(0) if gated else None
        self.aims = []
        self.tiers = []
        self.released = 0
        self.slices = 0
        self.fail_at = None
        self.prepared = True
        self.inside = 0
        self.steps = {}
        self._board = None

    def check(self, layer, settings):
        if settings.size == UNTRACEABLE_SIZE:
            raise ValueError(f"Model 'Tiny' cannot be traced with pictures of {settings.size} pixels.")

    def forget(self, layer, settings):
        board = layer, settings.changed(steps=1)
        self.steps = {key: made for key, made in self.steps.items() if key[:2] != board}
        # What begins again goes on from nothing, whether it was aimed at before or is only after this.
        self.aims = [(*aim[:2], aim[2] or aim[:2] == (layer, settings)) for aim in self.aims]

    def aim(self, layer, settings, *, from_scratch):
        self.check(layer, settings)
        self.aims.append((layer, settings, from_scratch))
        self._board = layer, settings
        self.tiers = []

    def prioritise(self, tiers):
        self.tiers = tiers

    def advance(self):
        if self.gate is not None:
            self.gate.acquire()
        self.inside += 1
        assert self.inside == 1, "advance was called from two threads at once"
        try:
            time.sleep(self.slice_seconds)
            self.slices += 1
            if self.slices == self.fail_at:
                raise RuntimeError("out of memory\nwhile climbing")
            moving = [tile for tier in self.tiers for tile in tier if not self._has_ended(tile)]
            return [self._climb(tile) for tile in moving[:4]]
        finally:
            self.inside -= 1

    def rendering(self, tiles, *, of=None):
        layer, settings = of or self._board
        begun = [tile for tile in tiles if self.steps.get((layer, settings.changed(steps=1), tile))]
        if not begun:
            raise ValueError("None of the tiles has begun.")
        labels = [f"{'-' * (sign < 0)}{layer}:{unit}" for unit, sign in begun]
        objectives = tuple({"kind": "channel", "layer": layer, "index": unit} for unit, _ in begun)
        recipe = make_recipe(len(begun), objectives=objectives, steps=settings.steps)
        return make_rendering(len(begun), labels=labels, recipe=recipe)

    def release(self):
        self.released += 1
        self.steps = {}

    def _made(self, tile):
        layer, settings = self._board
        return self.steps.get((layer, settings.changed(steps=1), tile), 0)

    def _has_ended(self, tile):
        made = self._made(tile)
        return (tile[0] == DEAD and made > 0) or (tile[0] == DIVERGED and made > 2) or made >= self._board[1].steps

    def _climb(self, tile):
        layer, settings = self._board
        (unit, sign), first = tile, self._made(tile)
        key = layer, settings.changed(steps=1), tile
        step = 1 if unit == DEAD else min(settings.steps, first + STEPS_A_SLICE)
        if key not in self.steps:
            step = 0  # each is seen as it begins
        self.steps[key] = step
        state = "done" if step == settings.steps else "climbing"
        state = "dead" if unit == DEAD and step > 0 else "diverged" if unit == DIVERGED and step > 2 else state
        return Update(
            unit=unit,
            sign=sign,
            step=step,
            first_step=first,
            scores=np.array([score(unit, sign, each) for each in range(first, step)], np.float32),
            state=state,
            message="It never had a gradient." if state == "dead" else "",
            picture=picture(unit, sign, step, settings.size),
        )


def open_fake_session(climb, changes, options):
    """Stand in for `open_session`, with a fake climb in place of a model."""
    facts = make_facts()
    settings = {"steps": 8, "size": 16} | options
    return Session(climb, facts, first_choice(facts, changes, settings), serve=serve)


def closest(tile, unit, sign, step, size=16):
    """Whether pixels are those of a tile, as far as JPEG keeps them."""
    return np.abs(tile.astype(int) - picture(unit, sign, step, size)).max() <= 6

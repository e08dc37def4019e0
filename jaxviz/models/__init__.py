"""Models: a traced program with named layers, whatever framework it came from."""

from jaxviz.models.images import checked_range
from jaxviz.models.joint import joint
from jaxviz.models.layers import Layer, LayerTable
from jaxviz.models.model import Model
from jaxviz.models.network import Network
from jaxviz.models.wrapping import wrap
from jaxviz.models.zoo import load

__all__ = ["Layer", "LayerTable", "Model", "Network", "checked_range", "joint", "load", "wrap"]

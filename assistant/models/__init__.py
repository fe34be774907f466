"""The model registry: which models there are, where they can be had, and which are on this machine."""

from assistant.models.catalogue import CATALOGUE, DEFAULT_MODEL, EMBEDDER, Model
from assistant.models.store import ModelState, ModelStore

__all__ = ["CATALOGUE", "DEFAULT_MODEL", "EMBEDDER", "Model", "ModelState", "ModelStore"]

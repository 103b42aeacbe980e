"""Compiled loops that encode many positions or choices for the network with one call.

A folder of its own, because a change beside a kernel has it compiled again (`engine.jit`).
"""

from ringrift.train.encode.images import Images, ImageWork, image_work, write_images
from ringrift.train.encode.positions import write_actions, write_batch

__all__ = ["ImageWork", "Images", "image_work", "write_actions", "write_batch", "write_images"]

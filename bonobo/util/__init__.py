"""Small things that nodes are made with."""

from bonobo.util.objects import ValueHolder

__all__ = ["ValueHolder"]

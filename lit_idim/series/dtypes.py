"""Types of floating-point weights that a series can be converted to."""

from typing import Literal

Dtype = Literal["bfloat16", "float16", "float32", "keep"]

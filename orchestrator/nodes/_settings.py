"""Types of settings that many nodes share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

#: The index whose ports a node is given; "" stands for the one that the workflow is run on.
IndexName = str
#: How many: at least one.
Count = Annotated[int, Field(ge=1)]
#: How many, or none.
Tally = Annotated[int, Field(ge=0)]
#: A part of a whole, from 0 to 1.
Share = Annotated[float, Field(ge=0.0, le=1.0)]
#: A factor that is not negative.
Weight = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]

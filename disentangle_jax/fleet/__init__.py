"""A study on machines that are not here: the plan on paper, and its weather."""

"""How sure a figure is: resampling, intervals, requests needed to settle a question."""

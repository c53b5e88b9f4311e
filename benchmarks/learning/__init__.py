"""What `tune` makes of half a log, beside what anybody makes of the same half in an afternoon.

`python -m benchmarks.learning` measures what its file of cells lacks and prints the table.
"""

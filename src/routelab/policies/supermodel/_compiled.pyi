from collections.abc import Sequence

MOST: int

def search(
    held: float, candidates: Sequence[tuple[float, float, float]], room: int, nodes: int, /
) -> tuple[int, ...]: ...

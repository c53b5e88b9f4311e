from collections.abc import Sequence

def search(
    held: float, hopes: Sequence[tuple[float, float, float]], room: int, nodes: int, /
) -> tuple[int, ...]: ...

from routelab.core.table import Floats, Ints

def add(sums: Floats, weights: Floats, indices: Ints, values: Floats, /) -> None: ...
def walk(
    sums: Floats,
    x: Floats,
    rows: int,
    feature: bytes,
    threshold: bytes,
    left: bytes,
    right: bytes,
    value: bytes,
    missing_left: bytes,
    roots: bytes,
    output: bytes,
    /,
) -> None: ...

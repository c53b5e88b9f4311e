from routelab.core.table import Floats, Ints

def add(sums: Floats, weights: Floats, indices: Ints, values: Floats, /) -> None: ...
def leaves(
    x: bytes,
    feature: bytes,
    threshold: bytes,
    left: bytes,
    right: bytes,
    missing_left: bytes,
    roots: bytes,
    /,
) -> bytes: ...

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

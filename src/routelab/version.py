"""Which routelab this is; apart from the package itself, whose face reaches everything."""

__version__ = "0.1.0"

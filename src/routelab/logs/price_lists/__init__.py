"""Price lists: what models cost, from the files that people and other projects keep."""

from routelab.logs.price_lists.costs import costs
from routelab.logs.price_lists.price_list import ListedPrices, PriceList
from routelab.logs.price_lists.reading import FORMS, read

__all__ = ["FORMS", "ListedPrices", "PriceList", "costs", "read"]

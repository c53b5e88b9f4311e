"""A log replayed one partition at a time, on any executor, and the sums that are added up."""

"""Grades of a collection's answers, by graders and by judges."""

from routelab.collect.grading.collection_grades import grade_collection, status_of

__all__ = ["grade_collection", "status_of"]

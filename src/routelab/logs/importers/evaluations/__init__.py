"""Importers of evaluations: records in which several models did the same tasks and were graded."""

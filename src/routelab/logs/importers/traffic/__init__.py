"""Importers of traffic: records in which the model that was chosen answered, one file a program."""

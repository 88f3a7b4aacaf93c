"""Admissions: the preprocessor starts the pipeline."""

from tsunagu import preprocessor_for

from .admission import Admission

handler = preprocessor_for(Admission)

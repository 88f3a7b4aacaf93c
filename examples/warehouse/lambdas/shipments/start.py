"""Starts the pipeline."""

from tsunagu import preprocessor_for

from lambdas.contracts.shipments import Shipment

handler = preprocessor_for(Shipment)

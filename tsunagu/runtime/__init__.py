"""What every handler shares: dispatch, batch, idempotency, dead letters, telemetry."""

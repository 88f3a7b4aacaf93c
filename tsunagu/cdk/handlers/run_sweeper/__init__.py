"""The sweeper of accepted requests. `RequestSweeper` deploys this handler package."""

"""Reads how the flows of deployed stacks are: queues, dead letters, consumers, schedules, leases, requests, alarms."""

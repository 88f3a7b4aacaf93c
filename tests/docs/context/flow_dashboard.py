"""What the page about dashboards takes for granted."""

from tsunagu.cdk import AsyncRequestApi, ServicePipeline, SingleFlightSchedule

pipeline: ServicePipeline
schedule: SingleFlightSchedule
api: AsyncRequestApi

"""A stateful resource whose logical id changes is made anew, and what was in it is gone.

A change here needs an entry under "Replaces resources" in the changelog, and a way for those who have deployed.
"""

import pytest

from tests.snapshots.stages import STAGES, templates
from tsunagu.testing.templates.stateful import STATEFUL_TYPES

STATEFUL_RESOURCES = {
    "order-api": {
        "ChannelDeadLetterQueue5C1A14BE",
        "ChannelQueue1992F7FF",
        "OrderApiDeadLetterNotifierAlarmTopicECAF8661",
        "OrderApiDeadLetterNotifierAlarmTopicKey93829B6A",
        "OrderApiDeadLetterNotifierTopic4F24A2C7",
        "OrderApiDeadLetterNotifierTopicKeyD39996C5",
        "OrderApiHttpAccessLogsF14556FC",
        "OrderApiIdempotencyTable1135C64B",
        "OrderApiReceiverHandlerLogGroup39BC2EBA",
        "OrderApiSweeperHandlerLogGroup28587CE1",
        "OrdersTable315BB997",
        "QueueKey5CB3BD8B",
    },
    "order-pipeline": {
        "NotificationsChannelDeadLetterQueue338370F9",
        "NotificationsChannelQueue89FD5DD6",
        "NotificationsChannelSubscriptionDeadLetterQueue454EBA80",
        "OrdersClaimCheckBucketC8EEFFA4",
        "OrdersClaimCheckBucketObjectKeyECCDE23D",
        "OrdersDeadLetterNotifierAlarmTopicA367A70D",
        "OrdersDeadLetterNotifierAlarmTopicKey656B6174",
        "OrdersDeadLetterNotifierTopicBF3BA42D",
        "OrdersIdempotencyTable7801484B",
        "OrdersNotifierTopic03145A8F",
        "OrdersPreprocessorLogGroup21885763",
        "OrdersRunSweeperHandlerLogGroup23EC78B8",
        "OrdersStepsReserveBillingChannelDeadLetterQueueCBF205DF",
        "OrdersStepsReserveBillingChannelQueue1F366AB1",
        "OrdersStepsReserveBillingChannelSubscriptionDeadLetterQueue767C242E",
        "OrdersStepsReserveBillingReceiverHandlerLogGroup5883EFA0",
        "OrdersStepsReserveInventoryChannelDeadLetterQueueF83A5A03",
        "OrdersStepsReserveInventoryChannelQueue51C777A4",
        "OrdersStepsReserveInventoryChannelSubscriptionDeadLetterQueue239D0E02",
        "OrdersStepsReserveInventoryReceiverHandlerLogGroup6AD99F16",
        "OrdersStepsShipShippingChannelDeadLetterQueue60854FCF",
        "OrdersStepsShipShippingChannelQueue559C2BF8",
        "OrdersStepsShipShippingChannelSubscriptionDeadLetterQueue39EBEA93",
        "OrdersStepsShipShippingReceiverHandlerLogGroup3F5B82AA",
        "OrdersTable315BB997",
        "OrdersTopicKeyED53DCC4",
        "OrdersTopicsReserveTopic2F9DFD59",
        "OrdersTopicsShipTopicF3DB4FB5",
        "QueueKey5CB3BD8B",
    },
    "payments": {
        "DeadLetterNotifierAlarmTopicE7727BDE",
        "DeadLetterNotifierAlarmTopicKey81755695",
        "DeadLetterNotifierTopic5BF94DE9",
        "DeadLetterNotifierTopicKeyC1609650",
        "FifoChannelDeadLetterQueueBC28C637",
        "FifoChannelQueue3AED2B85",
        "FifoReceiverHandlerLogGroupDDD824E5",
        "IdempotencyTableE9369C9C",
        "PaymentsTable48A42630",
        "QueueKey5CB3BD8B",
        "StandardChannelDeadLetterQueue4BE2EAD6",
        "StandardChannelQueue95B109F7",
        "StandardReceiverHandlerLogGroup749253AF",
    },
    "reports": {
        "DeadLetterNotifierAlarmTopicE7727BDE",
        "DeadLetterNotifierAlarmTopicKey81755695",
        "DeadLetterNotifierTopic5BF94DE9",
        "DeadLetterNotifierTopicKeyC1609650",
        "EventReportsEventsDeadLetterQueue622D694D",
        "EventReportsGatewayAccessLogsA4EBE5CA",
        "EventReportsRequestsTableA75E8660",
        "EventReportsResultsBucket4045101F",
        "EventReportsSweeperHandlerLogGroup7C556812",
        "EventReportsWorkerLogGroupF2D78049",
        "ReportsChannelDeadLetterQueueED484538",
        "ReportsChannelQueue6EE36884",
        "ReportsGatewayAccessLogs95DCA902",
        "ReportsReceiverHandlerLogGroup418C2A52",
        "ReportsRequestsTableBCF7FC7E",
        "ReportsResultsBucket7F9B6516",
        "ReportsSweeperHandlerLogGroupB754646A",
        "ReportsTable282F2283",
    },
    "supplier-sync": {
        "PricesTable591A8011",
        "SupplierSyncChannelDeadLetterQueueC6C2282D",
        "SupplierSyncChannelQueueD73559AA",
        "SupplierSyncDeadLetterNotifierAlarmTopicE91A2F12",
        "SupplierSyncDeadLetterNotifierAlarmTopicKeyCCC8CBC0",
        "SupplierSyncDeadLetterNotifierTopic620AF5DE",
        "SupplierSyncDeadLetterNotifierTopicKey18E655DA",
        "SupplierSyncIdempotencyTableDB36D554",
        "SupplierSyncMachine5ED2DC66",
        "SupplierSyncMachineLogGroup0DF0516F",
        "SupplierSyncReceiverHandlerLogGroup04C3D088",
        "SupplierSyncReleaseMachine382008ED",
        "SupplierSyncReleaseMachineLogGroupCF660B0E",
        "SupplierSyncUndelivered71B4D449",
    },
}


@pytest.mark.parametrize("stage", STAGES)
def test_stateful_resources_keep_their_logical_ids(stage: str) -> None:
    found = {
        stack_name.removeprefix(f"tsunagu-{stage}-"): {
            logical_id for logical_id, resource in template["Resources"].items() if resource["Type"] in STATEFUL_TYPES
        }
        for stack_name, template in templates(stage).items()
    }

    assert found == STATEFUL_RESOURCES

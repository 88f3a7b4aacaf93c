"""`table_reader`: reads of a table by a business function, with the time-outs of its Lambda function."""

import os

from tsunagu.runtime.startup import without_collection

with without_collection():
    from tsunagu.contracts.environment import EnvironmentContractError, ReceiverEnvironment
    from tsunagu.runtime.aws.clients import process_dynamodb_client
    from tsunagu.runtime.aws.tables import DynamoDbTableReader
    from tsunagu.runtime.functions.adapters import InUse
    from tsunagu.runtime.table_reader import TableReader

_TIMEOUT_VARIABLE = ReceiverEnvironment.variable_name("function_timeout_seconds")


@without_collection()
def table_reader(table_name: str) -> TableReader:
    """Return the reader of a table. Call it once per process, not at import time.

    ```python
    from tsunagu import table_reader

    orders = table_reader("orders")
    order = orders.get({"order_id": "o-1"})
    page = orders.query({"customer": "c-1"}, limit=20)
    ```

    A read and all its retries end before the function times out. The function needs the permissions
    `dynamodb:GetItem`, `dynamodb:Query` and `dynamodb:Scan`, each for the method that is called.

    Args:
        table_name: Name of the table.

    Raises:
        EnvironmentContractError: The time-out of the function is not in its environment. Our constructs write it.
    """
    if InUse.adapters is not None:
        return InUse.adapters.table(table_name)
    text = os.environ.get(_TIMEOUT_VARIABLE, "")
    if not text.isdecimal():
        msg = f"{_TIMEOUT_VARIABLE} must be set to a whole number of seconds, got {'another text' if text else 'none'}"
        raise EnvironmentContractError(msg)
    return DynamoDbTableReader(process_dynamodb_client(int(text)), table_name)

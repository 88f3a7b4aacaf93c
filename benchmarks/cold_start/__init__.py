"""What a start of the payments function costs, beside the bare boto3 client that every such function needs."""

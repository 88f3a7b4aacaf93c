"""What a month of ticks costs at list prices: run and skipped, beside a Lambda guard in front of the queue."""

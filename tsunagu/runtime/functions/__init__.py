"""What makes a Lambda handler of a plain function: decorators, and the objects behind them."""

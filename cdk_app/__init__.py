"""What exists: the constructs, the app that deploys them, and the command that operates it."""

from cdk_app.shadowing import check_lambdas, found_lambdas

check_lambdas(found_lambdas())

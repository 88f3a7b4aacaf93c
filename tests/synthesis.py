"""How tests synthesize in a child process."""

# aws-cdk-lib's own validation of templates is three quarters of a synthesis. One test has it on:
# `test_cdk_validates_the_templates_of_the_strictest_stage`. This is for the environment of a child only: a process
# that has loaded aws_cdk with it validates no more.
WITHOUT_VALIDATION = {"CDK_VALIDATION": "false"}
